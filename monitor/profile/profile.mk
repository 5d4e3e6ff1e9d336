# SPDX-License-Identifier: ISC
# profile.mk: where a guest's time goes: the module's sources, and the options that it answers to.
profile_src := $(call src_files,monitor/profile/*.c)
profile_options := profile profile-rate
