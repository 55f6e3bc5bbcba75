# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Installing packages on the machine itself. Needs lib.sh and lib-apt.sh.

# Packages whose services must not run here: only the tests start these, inside guests.
SERVICES="nginx redis-server iperf3"

# missing PACKAGE...: those that are not installed
missing()
{
	{
		printf '%s\n' "$@"
		# shellcheck disable=SC2016
		dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true
	} | awk 'NF == 1 { want[n++] = $1 }
		NF == 2 && $1 == "installed" { have[$2] = 1 }
		END { for (i = 0; i < n; i++) if (!(want[i] in have)) print want[i] }'
}

# packages_of "SET...": the packages of these sets
packages_of()
{
	table packages | awk -v sets="$1" '
		BEGIN { n = split(sets, s, " "); for (i = 1; i <= n; i++) want[s[i]] = 1 }
		{ m = split($2, of, ","); for (i = 1; i <= m; i++) if (of[i] in want) { print $1; next } }'
}

# apt_install PACKAGE|FILE...: without starting services, with the machine's own sources (in a subshell, so that the
# policy is removed whatever happens)
apt_install()
(
	policy=/usr/sbin/policy-rc.d

	[[ $(id -u) = 0 ]] || die "these packages are missing and only root can install them: $*"
	if [[ ! -e $policy ]]; then
		trap 'rm -f "$policy"' EXIT
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	fi
	install_or_update "$@"
)

install_or_update()
{
	local install=(env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends
		-o DPkg::Lock::Timeout=600 -o Acquire::Retries=2 install)

	# The existing lists are mostly good enough; they are refreshed only if they are not.
	apt_quiet "${install[@]}" "$@" && return
	note "refreshing apt's lists"
	apt_quiet apt-get -o DPkg::Lock::Timeout=600 update || warn "apt-get update reported errors (log: $APT_LOG)"
	apt_quiet "${install[@]}" "$@" && return
	tail -n 20 "$APT_LOG" >&2
	die "apt could not install: $* (log: $APT_LOG)"
}

# install_packages "SET...": what is missing from these sets
install_packages()
{
	local want new service

	mapfile -t want < <(packages_of "$1")
	mapfile -t new < <(missing "${want[@]}")
	[[ ${#new[@]} -gt 0 ]] || return 0

	note "installing ${#new[@]} packages: ${new[*]}"
	apt_install "${new[@]}"

	# It was not started, and must not start with the next boot either. A service that was here before is left
	# alone.
	for service in $SERVICES; do
		if command -v systemctl >/dev/null && [[ " ${new[*]} " = *" $service "* ]]; then
			systemctl -q disable "$service" >/dev/null 2>&1 || true
		fi
	done
}

# Debian has virtme-ng from trixie on; that package works on bookworm, too.
install_vng()
{
	local dir=$CACHE/vng

	command -v vng >/dev/null && return
	note "downloading virtme-ng from trixie"
	apt_tree vng trixie
	rm -rf "$dir"
	apt_fetch "$dir" virtme-ng
	note "installing virtme-ng"
	apt_install "$dir"/virtme-ng_*.deb
	rm -rf "$dir"
}
