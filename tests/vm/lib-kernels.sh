# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Debian kernels and their headers, unpacked into the cache. Needs lib.sh and lib-apt.sh.

# kernel_packages METAPACKAGE...: all packages of the kernel itself that these lead to
kernel_packages()
{
	local queue=("$@") seen=' ' package dependency

	while [[ ${#queue[@]} -gt 0 ]]; do
		package=${queue[0]}
		queue=("${queue[@]:1}")
		[[ $seen != *" $package "* ]] || continue
		seen+="$package "
		# The metapackages themselves are empty.
		[[ " $* " = *" $package "* ]] || printf '%s\n' "$package"
		while read -r dependency; do
			if [[ $dependency =~ ^linux-(image|binary|base|modules|headers|kbuild)-[0-9] ]]; then
				queue+=("$dependency")
			fi
		done < <(apt_depends "$package")
	done
}

# install_kernel NAME REFRESH: kernel, modules and headers below kernel_root NAME
install_kernel()
{
	local name=$1 refresh=$2 root suites image headers cc packages release dir deb

	root=$(kernel_root "$name")
	[[ $refresh || ! -e $root/ready ]] || return 0
	command -v depmod >/dev/null || with_lock packages install_packages guest

	read -r suites image headers cc _ < <(kernel_row "$name")
	note "kernel $name: asking the mirror for the newest version"
	apt_tree "kernel-$name" ${suites//,/ }
	mapfile -t packages < <(kernel_packages "$image" "$headers")
	release=$(printf '%s\n' "${packages[@]}" | sed -n 's/^linux-headers-\([0-9].*-amd64\)$/\1/p')
	[[ $release ]] || die "kernel $name: no $headers in $suites"

	dir=$CACHE/kernels/$release
	if [[ ! -e $dir/ready ]]; then
		note "kernel $name: downloading $release (${#packages[@]} packages)"
		rm -rf "$dir" "$dir".{debs,new}
		apt_fetch "$dir.debs" "${packages[@]}"
		note "kernel $name: unpacking"
		for deb in "$dir".debs/*.deb; do
			dpkg -x "$deb" "$dir.new"
		done
		rm -rf "$dir.debs"
		relocate_headers "$dir.new" "$release"
		mv "$dir.new" "$dir"
		depmod -b "$dir" "$release"
		touch "$dir/ready"
	fi
	ln -sfn "$release" "$root"
}

# relocate_headers DIR RELEASE: headers name /usr/src as their place; let them find each other from where they are
relocate_headers()
{
	local dir=$1 release=$2 here='$(realpath $(dir $(lastword $(MAKEFILE_LIST))))' modules

	sed -i "s,/usr/src/,$here/../,g" "$dir/usr/src/linux-headers-$release/Makefile"

	# Trixie has its modules below usr/lib; tools look for them below lib.
	[[ -e $dir/lib/modules ]] || ln -sfn usr/lib "$dir/lib"
	modules=$dir/lib/modules/$release
	rm -f "$modules/build" "$modules/source"
	ln -sr "$dir/usr/src/linux-headers-$release" "$modules/build"
}
