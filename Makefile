# SPDX-License-Identifier: GPL-2.0-only
#
#   make                the module for the running kernel, and tcptrace-ctl
#   sudo make install   both, and the manual page
#   make demo           a throwaway guest in which `tcptrace-ctl watch 9090` shows two nc;
#                       SOURCE=bpf: without the module
#   make check          the tests, in guests of every supported kernel: a quarter of an hour;
#                       SOURCE=bpf: those about records, without the module
#   make check-all      every test on every kernel, and the soak: hours
#   make scenarios      runs the scenarios on every kernel, and writes docs/scenarios.md
#   make bench          the costs, compared with other tools
#   make soak           ten minutes of mixed traffic, counted; SECONDS=60 or KERNEL=debug changes that
#   make fuzz           damaged recordings and odd command lines, ten minutes each, or SECONDS=60
#   make debug-kernel   a kernel with KASAN, lockdep and kmemleak, for make check
#
#   make module KERNEL=6.1      for a kernel of tests/vm/kernels
#   make module KDIR=FOLDER     for the kernel with this build folder
#
# Everything that is built is in build/, everything that is downloaded in .cache/.

PREFIX	?= /usr/local
MANDIR	?= $(PREFIX)/share/man

ifdef KERNEL
RELEASE	:= $(KERNEL)
KDIR	= $(shell tests/vm/kernel-path $(KERNEL) kdir)
KCC	= $(shell tests/vm/kernel-path $(KERNEL) cc)
BUILDER	= $(shell tests/vm/kernel-path $(KERNEL) builder)
else
RELEASE	?= $(shell uname -r)
KDIR	?= /lib/modules/$(RELEASE)/build
endif
MODULE	:= build/$(RELEASE)
KBUILD_FLAGS = $(if $(KCC),CC=$(KCC)) $(if $(V),V=$(V)) W=1 $(if $(SPARSE),C=1)

.PHONY: all module other-abi userspace install uninstall demo check check-all unit scenarios bench soak fuzz debug-kernel clean help
all: module userspace

# The kernel's build system writes next to the sources, so each kernel gets a copy of them.
module:
	@test -e $(KDIR)/Makefile || { \
		echo "no headers of kernel $(RELEASE) in $(KDIR): on Debian, apt-get install linux-headers-$(RELEASE)" >&2; exit 1; }
	@mkdir -p $(MODULE)
	@cp -a -u Kbuild VERSION module $(MODULE)/
	$(BUILDER) $(MAKE) -C $(KDIR) M=$(CURDIR)/$(MODULE) $(KBUILD_FLAGS) modules

# The same module with another ABI number, which must be refused: in build/RELEASE-abi/.
other-abi:
	@mkdir -p $(MODULE)-abi/module/uapi
	sed 's/^\(#define TCPTRACE_ABI[[:space:]]*\)[0-9]*$$/\199/' module/uapi/tcptrace.h >$(MODULE)-abi/module/uapi/tcptrace.h
	$(MAKE) module MODULE=$(MODULE)-abi

userspace:
	$(MAKE) -C userspace

install: all
	$(MAKE) -C $(KDIR) M=$(CURDIR)/$(MODULE) INSTALL_MOD_PATH=$(DESTDIR) INSTALL_MOD_DIR=updates modules_install
	$(MAKE) -C userspace install PREFIX=$(PREFIX)
	install -D -m 644 docs/tcptrace-ctl.8 $(DESTDIR)$(MANDIR)/man8/tcptrace-ctl.8
	$(if $(DESTDIR)$(KERNEL),,depmod -a $(RELEASE))

uninstall:
	rm -f $(DESTDIR)/lib/modules/$(RELEASE)/updates/tcptrace.ko* $(DESTDIR)$(PREFIX)/sbin/tcptrace-ctl \
		$(DESTDIR)$(MANDIR)/man8/tcptrace-ctl.8
	$(if $(DESTDIR),,depmod -a $(RELEASE))

demo:
	tests/vm/demo $(if $(SOURCE),--source $(SOURCE))

check:
	tests/check $(if $(SOURCE),--source $(SOURCE))

check-all:
	tests/check --all

unit:
	$(MAKE) -C userspace unit

# A failure is reported in the document, too.
scenarios:
	-tests/check --kernels "5.10 6.1 6.12 7.2" $$(tests/vm/scenarios-table --files)
	tests/vm/scenarios-table >build/scenarios.md
	mv build/scenarios.md docs/scenarios.md

bench:
	tests/vm/setup --what "build guest kernels" --kernels 6.1
	$(MAKE) module KERNEL=6.1
	$(MAKE) userspace
	tests/bench/run

soak:
	tests/vm/soak $(if $(KERNEL),--kernel $(KERNEL)) $(if $(SECONDS),--seconds $(SECONDS))

fuzz:
	tests/vm/setup --what "build fuzz"
	$(MAKE) -C tests/fuzz
	tests/fuzz/run $(if $(SECONDS),--seconds $(SECONDS))

debug-kernel:
	tests/vm/debug-kernel

clean:
	rm -rf build

help:
	@sed -n 's/^# \{0,1\}//; 3,18p' Makefile
