# SPDX-License-Identifier: ISC
# net.mk: network devices: the module's sources, and the options that it answers to.
net_src := $(call src_files,monitor/net/*.c)
net_options := net net-mac net-mtu no-net-ring no-net-queues net-vhost
