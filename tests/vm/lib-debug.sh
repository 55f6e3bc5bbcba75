# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The debug kernel: a folder that holds bzImage, config and build.tar.xz, the tree to build modules against.
# TCPTRACE_DEBUG_KERNEL names one; otherwise it is what tests/vm/debug-kernel built last. Needs lib.sh.

debug_folder()
{
	local dir=${TCPTRACE_DEBUG_KERNEL:-$CACHE/debug/current} file

	for file in bzImage config build.tar.xz; do
		[[ -r $dir/$file ]] && continue
		[[ -z ${TCPTRACE_DEBUG_KERNEL-} ]] ||
			die "TCPTRACE_DEBUG_KERNEL=$dir holds no $file"
		die "no debug kernel; let TCPTRACE_DEBUG_KERNEL name one, or build one: tests/vm/debug-kernel"
	done
	readlink -f "$dir"
}

# debug_root: the folder below the cache with what a debug kernel's archive unpacks to, laid out like
# that of a Debian kernel: build/ and lib/modules/RELEASE/
debug_root()
{
	local folder key

	folder=$(debug_folder) || exit
	key=$(stat -c '%n %s %Y' "$folder/build.tar.xz" | sha256sum | cut -c -16)
	[[ -e $CACHE/debug/root-$key/ready ]] || with_lock debug unpack_debug "$folder" "$CACHE/debug/root-$key"
	printf '%s\n' "$CACHE/debug/root-$key"
}

unpack_debug()
{
	local folder=$1 root=$2 release modules

	[[ ! -e $root/ready ]] || return 0
	rm -rf "$root" "$root.new"
	mkdir -p "$root.new/build"
	tar -xJf "$folder/build.tar.xz" -C "$root.new/build"
	release=$(<"$root.new/build/include/config/kernel.release")
	modules=$root.new/lib/modules/$release
	mkdir -p "$modules"
	ln -s ../../../build "$modules/build"

	# Everything is built in. modprobe has to know it, as on other kernels.
	: >"$modules/modules.order"
	builtin_modules "$folder/config" >"$modules/modules.builtin"
	depmod -b "$root.new" "$release" 2>/dev/null
	mv "$root.new" "$root"
	touch "$root/ready"
}

# builtin_modules CONFIG: the modules that tests ask for by name
builtin_modules()
{
	local option module
	while read -r option module; do
		! grep -qx "CONFIG_$option=y" "$1" || printf 'kernel/%s.ko\n' "$module"
	done <<-END
		VETH drivers/net/veth
		TUN drivers/net/tun
		DUMMY drivers/net/dummy
		NET_SCH_NETEM net/sched/sch_netem
		NET_SCH_TBF net/sched/sch_tbf
		NF_TABLES net/netfilter/nf_tables
		NFT_CT net/netfilter/nft_ct
		NFT_REJECT net/netfilter/nft_reject
		NF_CONNTRACK net/netfilter/nf_conntrack
		TCP_CONG_BBR net/ipv4/tcp_bbr
		INET_DIAG net/ipv4/inet_diag
		INET_TCP_DIAG net/ipv4/tcp_diag
		OVERLAY_FS fs/overlayfs/overlay
		9P_FS fs/9p/9p
	END
}
