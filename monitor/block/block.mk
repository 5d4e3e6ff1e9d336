# SPDX-License-Identifier: ISC
# block.mk: block devices: the module's sources, and the options that it answers to.
block_src := $(call src_files,monitor/block/*.c)
block_options := block block-ro block-sector-size
