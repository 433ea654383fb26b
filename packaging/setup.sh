# Shared by the scripts beside it: --help, Debian packages, the virtual environment. Bash; sourced, not run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=${SMSFS_VENV:-$root/.venv}
log=$(mktemp "${TMPDIR:-/tmp}/smsfs-setup.XXXXXX.log")

# With --help, print the comment that opens the script, and end.
explain() {
    case ${1-} in
    --help | -h)
        rm -f "$log"
        sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    esac
}

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$* The log is $log."
    exit 1
}

# Run a step with its output in the log.
quietly() { "$@" >>"$log" 2>&1; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Install the Debian packages whose command is missing; each argument is package:command. None of their services starts.
need_packages() {
    local pair missing=()
    for pair in "$@"; do
        command -v "${pair#*:}" >/dev/null || missing+=("${pair%%:*}")
    done
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null ||
        fail "These programs are missing and this is no Debian: install ${missing[*]} with your system's means."
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
        fail "Debian packages are missing: as root, run: apt-get install ${missing[*]}."
    say "Installing Debian packages: ${missing[*]}"
    quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get update ||
        fail "apt-get update failed: is this machine online?"
    quietly without_services as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        "${missing[@]}" || fail "apt-get could not install ${missing[*]}."
}

# Run a step while Debian packages start no service; a policy that the host has already is left as it is.
without_services() {
    local policy=/usr/sbin/policy-rc.d status=0
    if [ -e "$policy" ]; then
        "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    ("$@") || status=$?
    as_root rm -f "$policy"
    return "$status"
}

# Where PostgreSQL's server programs are, for need_packages: Debian keeps them off the PATH.
postgresql() {
    local initdb=(/usr/lib/postgresql/*/bin/initdb)
    printf 'postgresql:%s' "$(command -v initdb || echo "${initdb[-1]}")"
}

need_python() {
    command -v python3 >/dev/null || fail "There is no python3: install Python 3.11 or later."
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$(python3 --version) is too old: smsfs needs Python 3.11 or later."
}

# Make the virtual environment with the given extras of smsfs; nothing is done when that was done before.
need_environment() {
    local extras=$1 done
    done="$(cksum <"$root/pyproject.toml") $root"
    [ "$(cat "$venv/.smsfs-$extras" 2>/dev/null)" != "$done" ] || return 0
    say "Setting up $venv (a minute or two the first time)"
    [ -x "$venv/bin/pip" ] || quietly python3 -m venv "$venv" ||
        fail "The virtual environment $venv could not be made: Debian has what it takes in the package python3-venv."
    quietly "$venv/bin/python" -m pip install --disable-pip-version-check -e "$root[$extras]" ||
        fail "pip could not install smsfs into $venv."
    printf '%s\n' "$done" >"$venv/.smsfs-$extras"
}
