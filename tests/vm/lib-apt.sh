# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Packages of suites that the machine is not configured for: from the mirror that the machine's apt already uses,
# through an apt tree of our own, so that the machine's sources and lists stay as they are.

KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# mirror debian|security: the address of that archive, as configured on this machine
mirror()
{
	local uri suite base='' security=''

	while read -r uri suite; do
		case $suite in
		*-security | */updates) [[ $security ]] || security=$uri ;;
		stable* | oldstable* | testing* | unstable | sid) [[ $base ]] || base=$uri ;;
		bullseye* | bookworm* | trixie* | forky*) [[ $base ]] || base=$uri ;;
		esac
	done < <(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | sort -u)

	case $1 in
	debian)
		[[ $base ]] || die "apt on this machine has no source for Debian itself (see apt-get indextargets)"
		printf '%s\n' "$base"
		;;
	security)
		# Most mirrors carry the security archive next to the main one.
		printf '%s\n' "${security:-${base%/debian/}/debian-security/}"
		;;
	esac
}

# apt_tree NAME SUITE...: creates and updates a private tree with these suites only; sets APT_OPTS to the options with
# which apt-get and apt-cache use it
apt_tree()
{
	local name=$1 dir=$CACHE/apt/$1 suite uri signed=''
	shift

	mkdir -p "$dir"/{sources,preferences,lists/partial,archives/partial}
	: >"$dir/status"
	: >"$dir/no-sources"
	: >"$dir/no-preferences"
	if [[ -r $KEYRING ]]; then
		signed="[signed-by=$KEYRING] "
	else
		warn "no $KEYRING: signatures are checked with the keys that apt has"
	fi

	rm -f "$dir"/sources/*.list
	for suite; do
		case $suite in
		*-security) uri=$(mirror security) ;;
		*) uri=$(mirror debian) ;;
		esac
		printf 'deb %s%s %s main\n' "$signed" "$uri" "$suite" >"$dir/sources/$suite.list"
	done

	APT_OPTS=(
		-o "Dir::State=$dir"
		-o "Dir::State::Lists=$dir/lists"
		-o "Dir::State::Status=$dir/status"
		-o "Dir::Cache=$dir"
		-o "Dir::Cache::Archives=$dir/archives"
		-o "Dir::Etc::SourceList=$dir/no-sources"
		-o "Dir::Etc::SourceParts=$dir/sources"
		-o "Dir::Etc::Preferences=$dir/no-preferences"
		-o "Dir::Etc::PreferencesParts=$dir/preferences"
		-o "APT::Architecture=amd64"
		-o "APT::Sandbox::User=root"
		-o "APT::Get::List-Cleanup=true"
		-o "Acquire::Languages=none"
		-o "Acquire::Retries=2"
		-o "APT::Update::Post-Invoke-Success::="
	)

	# One suite after the other, so that an unreachable one is named and left out.
	for suite; do
		if ! apt_quiet apt-get "${APT_OPTS[@]}" -o APT::Get::List-Cleanup=false \
			-o "Dir::Etc::SourceList=$dir/sources/$suite.list" -o Dir::Etc::SourceParts=/dev/null \
			-o APT::Update::Error-Mode=any update; then
			rm -f "$dir/sources/$suite.list"
			case $suite in
			*-security | *-updates) warn "suite $suite cannot be had from this machine's mirror; going on without it" ;;
			*) die "suite $suite cannot be had from this machine's mirror (log: $APT_LOG)" ;;
			esac
		fi
	done
}

# apt_quiet COMMAND...: runs it with its output only in a log
apt_quiet()
{
	mkdir -p "$CACHE/log"
	APT_LOG=$CACHE/log/apt.log
	{
		printf '\n%s\n' "$(date '+%F %T') $*"
		"$@"
	} </dev/null >>"$APT_LOG" 2>&1
}

# newest PATTERN: the newest package with this name, in which "*" stands for the text between two dashes
newest()
{
	apt-cache "${APT_OPTS[@]}" pkgnames |
		grep -xE "$(sed -e 's/[.+]/\\&/g' -e 's/\*/[^-]*/g' <<<"$1")" | sort -V | tail -n 1
}

# apt_depends PACKAGE: its dependencies, one name a line, only the first of alternatives
apt_depends()
{
	apt-cache "${APT_OPTS[@]}" show --no-all-versions "$1" 2>/dev/null |
		sed -n 's/^Depends: //p' | tr ',' '\n' | sed -e 's/|.*//' -e 's/(.*//' -e 's/[[:space:]]//g'
}

# apt_fetch DIR PACKAGE...: downloads these packages into that folder
apt_fetch()
{
	local dir=$1
	shift
	mkdir -p "$dir"
	(cd "$dir" && apt_quiet apt-get "${APT_OPTS[@]}" download "$@") ||
		die "downloading failed: $* (log: $APT_LOG)"
}

# unpack_debs DIR ROOT: unpacks the packages in DIR into ROOT, and removes DIR
unpack_debs()
{
	local deb
	mkdir -p "$2"
	for deb in "$1"/*.deb; do
		dpkg -x "$deb" "$2"
	done
	rm -rf "$1"
}
