# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Two ways to boot a guest. Both give it the same devices (common_devices) and end in guest.d/main. Both print nothing
# and leave the kernel's log in $rundir/kernel.log. Needs lib.sh, and these variables: kernel, vmlinuz, moddir, rundir,
# outdir, cpus, mem, append (an array). The command line is left in BOOT (an array).

# The folders of these modules go into the initramfs, with their dependencies.
BOOT_MODULES="virtio_pci virtio_console 9pnet_virtio 9p overlay"

# Kernel parameters for every guest. An oops ends the guest at once: what follows it proves nothing. The watchdogs are
# patient, since an emulated CPU may not run for a while on a busy machine. For the same reason the timer may seem not
# to tick when the kernel tests it, which would be a panic.
KERNEL_ARGS=(mitigations=off possible_cpus=4 panic=-1 oops=panic ignore_loglevel printk.time=1 printk.devkmsg=on
	watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=100 no_timer_check)
# What costs an emulated CPU much time, and no test needs. Without the first, the kernel may mistrust the TSC and read
# the emulated HPET for each timestamp; memory that was not cleared beforehand shows what we forget to initialise.
KERNEL_ARGS+=(tsc=reliable init_on_alloc=0 apparmor=0)
# Qemu 7.2 translates code anew for each address at which it is mapped. With random addresses that is all of libc for
# each program that is started: 113 ms for a shell that does nothing, against 44.
KERNEL_ARGS+=(norandmaps)

# Hardware that no test needs; under virtme-ng udev would load its drivers, which takes seconds.
UNNEEDED_MODULES=ahci,libata,sr_mod,cdrom,sg,scsi_mod,i2c_i801,lpc_ich,iTCO_wdt,i6300esb,kvm_amd,kvm_intel,kvm
UNNEEDED_MODULES+=,powernow_k8,acpi_cpufreq,psmouse,pcspkr,button,evdev,mousedev,joydev,serio_raw,qemu_fw_cfg

# kvm_works: whether this machine can do better than emulation
kvm_works()
{
	[[ -w /dev/kvm ]] && grep -qwE 'vmx|svm' /proc/cpuinfo
}

# common_devices: qemu's options for the ports and folders that guest.d/main expects
common_devices()
{
	DEVICES=(
		-device virtio-serial-pci,id=tcptrace
		-chardev "file,id=tcptrace-stdout,path=$rundir/stdout"
		-device virtserialport,bus=tcptrace.0,name=tcptrace.stdout,chardev=tcptrace-stdout
		-chardev "file,id=tcptrace-stderr,path=$rundir/stderr"
		-device virtserialport,bus=tcptrace.0,name=tcptrace.stderr,chardev=tcptrace-stderr
		-fsdev local,id=tcptrace-root,path=/,security_model=none,readonly=on,multidevs=remap
		-device virtio-9p-pci,fsdev=tcptrace-root,mount_tag=tcptrace.root
		-fsdev "local,id=tcptrace-run,path=$rundir/guest,security_model=none"
		-device virtio-9p-pci,fsdev=tcptrace-run,mount_tag=tcptrace.run
		-fsdev "local,id=tcptrace-out,path=$outdir,security_model=none"
		-device virtio-9p-pci,fsdev=tcptrace-out,mount_tag=tcptrace.out
	)
}

# initramfs: prints the path of a small one for this kernel, which is made if necessary
initramfs()
{
	local key file dir module name

	key=$({ readlink -f "$moddir" "$(command -v busybox)"; cat "$VM_DIR/guest.d/initramfs-init"; } |
		sha256sum | cut -c -16)
	file=$CACHE/initramfs/$kernel-$key.cpio
	if [[ ! -e $file ]]; then
		mkdir -p "$CACHE/initramfs"
		dir=$(mktemp -d "$CACHE/initramfs/$kernel.XXXXXX")
		mkdir -p "$dir"/root/{bin,modules}
		cp "$(command -v busybox)" "$dir/root/bin/busybox"
		install -m 755 "$VM_DIR/guest.d/initramfs-init" "$dir/root/init"
		: >"$dir/root/modules/order"
		if [[ -d $moddir/kernel ]]; then
			while read -r module; do
				name=${module##*/}
				name=${name%.xz}
				case $module in
				*.xz) xz -dc "$module" >"$dir/root/modules/$name" ;;
				*) cp "$module" "$dir/root/modules/$name" ;;
				esac
				printf '%s\n' "$name" >>"$dir/root/modules/order"
			done < <(module_files)
		fi
		(cd "$dir/root" && find . | cpio -o -H newc -R 0:0 --quiet) >"$dir/cpio"
		mv "$dir/cpio" "$file"
		rm -rf "$dir"
	fi
	printf '%s\n' "$file"
}

# module_files: the files of BOOT_MODULES and of their dependencies, in the order of loading
module_files()
{
	local root=${moddir%/lib/modules/*} module
	for module in $BOOT_MODULES; do
		modprobe -d "$root" -S "${moddir##*/}" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

# All CPUs of a guest in one thread of qemu. With a thread for each, qemu 7.2 now and then runs a breakpoint
# that the guest's kernel has long replaced (text_poke under traffic): toggling tracefs' function tracer beside
# its kprobe_events, with no module loaded, ends in a jump to 0. It is quicker, too, where guests share the CPUs.
TCG=tcg,thread=single

# Emulated, "rep movsb" copies byte by byte; without ERMS the kernel copies and clears by eight.
TCG_CPU=max,la57=off,erms=off,fsrm=off

# boot_direct: qemu with our own small initramfs
boot_direct()
{
	local accel=$TCG cpu=$TCG_CPU
	if kvm_works; then
		accel=kvm cpu=host
	fi
	common_devices
	BOOT=(qemu-system-x86_64 -accel "$accel" -cpu "$cpu" -machine q35 -smp "$cpus" -m "$mem"
		-nodefaults -no-user-config -display none -no-reboot
		-chardev "file,id=console,path=$rundir/kernel.log" -serial chardev:console
		"${DEVICES[@]}"
		-kernel "$vmlinuz" -initrd "$(initramfs)"
		-append "console=ttyS0,115200 ${KERNEL_ARGS[*]} tcptrace.main=$VM_DIR/guest.d/main ${append[*]-}")
}

# boot_vng: virtme-ng. Its console and its own ports are on its file descriptor 2, so that is the log.
boot_vng()
{
	local kvm=(--disable-kvm) accel=(-accel "$TCG") arg args=()
	! kvm_works || kvm=() accel=()
	common_devices
	for arg in "${KERNEL_ARGS[@]}" "modprobe.blacklist=$UNNEEDED_MODULES" ${append[@]+"${append[@]}"}; do
		args+=(-a "$arg")
	done
	BOOT=(vng -r "$vmlinuz" "${kvm[@]}" --force-9p -p "$cpus" -m "$mem" -v --cwd /
		--qemu-opts="${accel[*]-} ${DEVICES[*]}" "${args[@]}" -- "$VM_DIR/guest.d/enter")
}
