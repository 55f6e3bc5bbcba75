# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
# Packs the initramfs of the measured guest: busybox, our programs, the peers, and the libraries and
# modules that they need. Nothing is read from this machine's files while it runs.
# Needs tests/vm/lib.sh, and set: kernel, work, module, program.

# Modules of the guest's kernel that ss needs; without them it reads /proc/net/tcp. They are loaded between the two.
GUEST_MODULES="tcp_diag"

# Peers that are packages of the machine's own suite: unpacked, not installed.
PEERS_PACKAGE=libbpf-tools
PEERS_OF_PACKAGE="tcpstates tcptracer tcplife"

# compile: the workloads, into $work/bin
compile()
{
	local here=$TREE/tests/bench cc=(gcc -std=gnu11 -O2 -Wall -Wextra -Werror -static)

	mkdir -p "$work/bin"
	"${cc[@]}" -o "$work/bin/conns" "$here"/{conns,busy,workload}.c
	"${cc[@]}" -o "$work/bin/pingpong" "$here"/{pingpong,busy,workload}.c
	"${cc[@]}" -o "$work/bin/hold" "$here"/{hold,workload}.c
	"${cc[@]}" -o "$work/bin/paced" "$here"/{paced,workload}.c
	"${cc[@]}" -o "$work/bin/hold_level" "$here"/{hold_level,workload}.c
	"${cc[@]}" -o "$work/bin/measure" "$here"/{measure,busy,workload}.c
	"${cc[@]}" -o "$work/bin/endtoend" "$here"/{endtoend,busy,workload}.c
}

# compile_probecost: the module that measures an empty probe
compile_probecost()
{
	local kdir cc
	kdir=$("$VM_DIR/kernel-path" "$kernel" kdir)
	cc=$("$VM_DIR/kernel-path" "$kernel" cc)
	mkdir -p "$work/probecost"
	cp "$TREE"/tests/bench/probecost/{Kbuild,probecost.c} "$work/probecost/"
	make -s -C "$kdir" "M=$work/probecost" ${cc:+"CC=$cc"} modules >"$work/probecost/log" 2>&1 || {
		cat "$work/probecost/log" >&2
		die "the module that measures empty probes cannot be built"
	}
}

# compile_plugin: what counts in the stage "profile"
compile_plugin()
{
	gcc -std=gnu11 -O2 -Wall -Wextra -Werror -shared -fPIC -fvisibility=hidden \
		-o "$work/plugin.so" "$TREE/tests/bench/profile/plugin.c"
}

# fetch_peers: the peers' package, unpacked into the cache; PEERS_DIR is its folder, empty if it is not available
fetch_peers()
{
	local dir=$CACHE/bench/$PEERS_PACKAGE

	PEERS_DIR=$dir
	[[ ! -e $dir/ready ]] || return 0
	note "downloading $PEERS_PACKAGE"
	rm -rf "$dir"
	mkdir -p "$dir/root"
	APT_OPTS=()
	if (apt_fetch "$dir" "$PEERS_PACKAGE") && dpkg -x "$dir"/*.deb "$dir/root"; then
		touch "$dir/ready"
	else
		warn "no $PEERS_PACKAGE: $PEERS_OF_PACKAGE cannot be measured"
		PEERS_DIR=''
	fi
}

# put FILE [NAME]: a program into the image (as /bench/NAME), with the libraries it needs
put()
{
	local file=$1 name=${2-} library

	if [[ $name ]]; then
		install -D "$file" "$image/bench/$name"
	else
		install -D "$file" "$image/$file"
	fi
	# A static one has none, and ldd fails.
	{ ldd "$file" 2>/dev/null || true; } | grep -o '/[^ ]*' | while read -r library; do
		[[ -e $image/$library ]] || install -D "$library" "$image/$library"
	done
}

put_modules()
{
	local moddir root name file

	moddir=$("$VM_DIR/kernel-path" "$kernel" moddir)
	root=${moddir%/lib/modules/*}
	mkdir -p "$image/modules"
	for name in $GUEST_MODULES; do
		modprobe -d "$root" -S "${moddir##*/}" --show-depends "$name"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
		name=${file##*/}
		case $file in
		*.xz) xz -dc "$file" >"$image/modules/${name%.xz}" ;;
		*) cp "$file" "$image/modules/$name" ;;
		esac
		printf '%s\n' "${name%.xz}" >>"$image/modules/order"
	done
}

# pack: the whole image, left in $work/initramfs
pack()
{
	local image=$work/image peer tool

	rm -rf "$image"
	mkdir -p "$image"/{bin,sbin,bench,dev,proc,sys,tmp,usr/bin,usr/sbin}
	install "$(command -v busybox)" "$image/bin/busybox"
	install "$TREE/tests/bench/guest/init" "$image/init"
	install "$TREE/tests/bench/guest/measurements" "$image/bench/measurements"
	cp "$work/settings" "$image/bench/settings"
	install "$work"/bin/* "$image/bench/"
	put_modules
	objcopy --strip-debug "$work/probecost/probecost.ko" "$image/bench/probecost.ko"
	[[ ! -e $module ]] || objcopy --strip-debug "$module" "$image/bench/tcptrace.ko"
	[[ ! -e $program ]] || put "$program" tcptrace-ctl
	for tool in ss netstat; do
		# With its whole path, because busybox's applet of that name would be taken otherwise.
		if command -v "$tool" >/dev/null; then
			put "$(command -v "$tool")" "$tool"
		fi
	done
	if [[ ${PEERS_DIR-} ]]; then
		for peer in $PEERS_OF_PACKAGE; do
			put "$PEERS_DIR/root/usr/sbin/$peer" "$peer"
		done
	fi
	(cd "$image" && find . | cpio -o -H newc -R 0:0 --quiet) >"$work/initramfs"
}
