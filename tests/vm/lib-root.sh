# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Root folders of other Debian releases, for kernels whose headers need a newer compiler and C library than this machine
# has. Their packages are unpacked, not installed: a compiler needs no more, none of their scripts runs, only in-root
# mounts anything there, and only apt talks to the mirror. Needs lib.sh, lib-apt.sh and lib-packages.sh.

# install_root RELEASE: its essential packages, and those of the set "root"
install_root()
{
	local release=$1 dir packages

	dir=$(root_folder "$release")
	mapfile -t packages < <(packages_of root)
	# A changed list needs another folder.
	[[ ! -e $dir/ready || $(<"$dir/ready") != "${packages[*]}" ]] || return 0

	note "root folder of $release: downloading ${packages[*]} and what they need"
	apt_tree "root-$release" "$release"
	rm -rf "$dir" "$dir.new"
	rm -f "$CACHE/apt/root-$release"/archives/*.deb
	apt_quiet apt-get "${APT_OPTS[@]}" -y --no-install-recommends --download-only install \
		'?essential' "${packages[@]}" || die "downloading failed (log: $APT_LOG)"
	note "root folder of $release: unpacking"
	unpack_debs "$CACHE/apt/root-$release/archives" "$dir.new"
	# What the packages' scripts would have set up.
	ln -sfn mawk "$dir.new/usr/bin/awk"
	printf '%s\n' "${packages[*]}" >"$dir.new/ready"
	mv "$dir.new" "$dir"
}
