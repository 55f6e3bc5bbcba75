# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Debian kernels and their headers, unpacked into the cache. Needs lib.sh, lib-apt.sh and lib-root.sh.

# A package of one kernel; metapackages, which are empty, have no version in their names.
KERNEL_PACKAGE='^linux-(image|binary|base|modules|headers|kbuild)-[0-9]'

# kernel_packages PACKAGE...: all packages of the kernel itself among their dependencies
kernel_packages()
{
	local queue=("$@") seen=' ' package dependency

	while [[ ${#queue[@]} -gt 0 ]]; do
		package=${queue[0]}
		queue=("${queue[@]:1}")
		[[ $seen != *" $package "* ]] || continue
		seen+="$package "
		[[ ! $package =~ $KERNEL_PACKAGE ]] || printf '%s\n' "$package"
		while read -r dependency; do
			[[ ! $dependency =~ $KERNEL_PACKAGE ]] || queue+=("$dependency")
		done < <(apt_depends "$package")
	done
}

# install_kernel NAME REFRESH: kernel, modules and headers below kernel_root NAME
install_kernel()
{
	local name=$1 refresh=$2 root suites image headers build_root packages release dir

	root=$(kernel_root "$name")
	read -r suites image headers _ build_root _ < <(kernel_row "$name")
	[[ $build_root = - ]] || with_lock "root-$build_root" install_root "$build_root"
	[[ $refresh || ! -e $root/ready ]] || return 0
	command -v depmod >/dev/null || with_lock packages install_packages guest

	note "kernel $name: asking the mirror for the newest version"
	apt_tree "kernel-$name" ${suites//,/ }
	mapfile -t packages < <(kernel_packages "$(newest "$image")" "$(newest "$headers")")
	release=$(printf '%s\n' "${packages[@]}" | sed -n 's/^linux-headers-\([0-9].*-amd64\)$/\1/p')
	[[ $release ]] || die "kernel $name: no $headers in $suites"

	dir=$CACHE/kernels/$release
	if [[ ! -e $dir/ready ]]; then
		note "kernel $name: downloading $release (${#packages[@]} packages)"
		rm -rf "$dir" "$dir".{debs,new}
		apt_fetch "$dir.debs" "${packages[@]}"
		note "kernel $name: unpacking"
		unpack_debs "$dir.debs" "$dir.new"
		relocate_headers "$dir.new" "$release"
		mv "$dir.new" "$dir"
		depmod -b "$dir" "$release"
		touch "$dir/ready"
	fi
	ln -sfn "$release" "$root"
}

# relocate_headers DIR RELEASE: the headers refer to /usr/src; makes them refer to where they are
relocate_headers()
{
	local dir=$1 release=$2 here='$(realpath $(dir $(lastword $(MAKEFILE_LIST))))' modules

	sed -i "s,/usr/src/,$here/../,g" "$dir/usr/src/linux-headers-$release/Makefile"

	# Trixie has its modules in usr/lib; tools look for them in lib.
	[[ -e $dir/lib/modules ]] || ln -sfn usr/lib "$dir/lib"
	modules=$dir/lib/modules/$release
	rm -f "$modules/build" "$modules/source"
	ln -sr "$dir/usr/src/linux-headers-$release" "$modules/build"
}
