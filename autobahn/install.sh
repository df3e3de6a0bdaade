#!/usr/bin/env bash
# Installs the Autobahn test suite for WebSockets, unmodified, where the runner looks for it.
#
#   bash autobahn/install.sh [FOLDER]        default: target/autobahn of the workspace
#
# The suite needs Python 2.7, which systems no longer have: a private one is unpacked (not installed) from packages of
# Debian 11, fetched from the mirror that this machine's own apt uses. The suite and what it needs come through pip. All
# of it is pinned by hash. Afterwards FOLDER/bin/wstest listens on the loopback interface only.
#
# Needs Debian or a relative of it on x86-64. A C compiler is used if there is one: the suite is then faster.
#
# Exit: 0 installed, 2 this machine lacks something (the last line says what), 1 anything else.
set -euo pipefail

die() { echo "autobahn: $*" >&2; exit 1; }
lacks() { echo "autobahn: missing: $*" >&2; exit 2; }
say() { echo "autobahn: $*" >&2; }

script=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/install.sh
folder=${1:-$(dirname "$script")/../target/autobahn}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

# ------------------------------------------------------------------ what the machine must have
[ "$(uname -s)" = Linux ] || lacks "Linux (this is $(uname -s))"
for tool in apt-get dpkg dpkg-deb sha256sum; do
  command -v "$tool" > /dev/null || lacks "the program $tool (Debian or a relative of it is needed)"
done

# What is installed knows where it is. Whoever changes a pin, that is, this script, installs anew.
stamp=$({ cat "$script"; echo "$folder"; } | sha256sum | cut -c1-64)
if [ "$(cat "$folder/stamp" 2>/dev/null || true)" = "$stamp" ]; then
  say "already in $folder"
  exit 0
fi
if [ -n "$(ls -A "$folder")" ] && [ ! -e "$folder/autobahn-suite" ]; then
  die "$folder holds something else: name an empty folder"
fi
touch "$folder/autobahn-suite"
[ "$(dpkg --print-architecture)" = amd64 ] || lacks "the amd64 architecture (this is $(dpkg --print-architecture))"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keys" ] || lacks "Debian's keys (package debian-archive-keyring)"
mirror=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null || true; } |
  grep -v '^ *#' | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -1 | tr -d ' ' | sed 's,/$,,' || true)
[ -n "$mirror" ] || lacks "a Debian mirror in this machine's apt sources"

rm -rf "$folder"/{stamp,bin,site,python,work}
mkdir -p "$folder"/{bin,site,work/{debs,wheels,lists/partial,cache/archives/partial,none}}
work=$folder/work

# ------------------------------------------------------------------ Python 2.7, from Debian 11
cat > "$work/debs.sha256" <<'E'
30ca89bfddae5fa6e0a2a044f22b6e50cd17c4bc6bc850c579819aeab7101f0f  libffi7_3.3-6_amd64.deb
887034beb360069df8b519ad93893454ef3402415775a0466940fb73d6a8b8ca  libpython2.7-dev_2.7.18-8+deb11u1_amd64.deb
85833c92314011b89bbead6f9a5a7a360b5ee4f9b95e001225afead4ebf9f7d3  libpython2.7-minimal_2.7.18-8+deb11u1_amd64.deb
3e627d6d8992b853e000b8a4c09dda613fb767cdb711a2eac20ebc9f867b593c  libpython2.7-stdlib_2.7.18-8+deb11u1_amd64.deb
aadf8b4b197335645b230c2839b4517aa444fd2e8f434e5438c48a18857988f7  libssl1.1_1.1.1w-0+deb11u1_amd64.deb
4f489177a9ece2ea78c04a25115991a7a11f5adb75404888c5a84ac2a7f33ac4  python-pip-whl_20.3.4-4+deb11u1_all.deb
44f0cdc1a343303d31c55fcb3a6402cfe326adf749ec30e375e6e0c0c5f7c1f7  python2.7-minimal_2.7.18-8+deb11u1_amd64.deb
E
echo "deb [arch=amd64 signed-by=$keys] $mirror bullseye main" > "$work/sources.list"
# Folders of its own: the machine's package lists stay as they are.
apt=(apt-get -q -o "Dir::Etc::sourcelist=$work/sources.list" -o "Dir::Etc::sourceparts=$work/none"
  -o "Dir::Etc::preferences=/dev/null" -o "Dir::Etc::preferencesparts=$work/none"
  -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root
  -o Acquire::Languages=none -o Acquire::Retries=3
  -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
  -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false)
packages=$(sed -E 's/^[0-9a-f]+  ([^_]+)_([^_]+)_.*/\1=\2/' "$work/debs.sha256")
# apt may pass over a failed download of the lists: the packages decide.
"${apt[@]}" update > "$work/apt.log" 2>&1 || true
# shellcheck disable=SC2086
(cd "$work/debs" && "${apt[@]}" download $packages) >> "$work/apt.log" 2>&1 ||
  lacks "packages of Debian 11 on this machine's mirror: $(grep '^E:' "$work/apt.log" | head -1)"
(cd "$work/debs" && sha256sum --quiet -c ../debs.sha256 >&2) || die "a Debian package is not the one that was pinned"
for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$folder/python"; done
cat > "$folder/bin/python2.7" <<E
#!/bin/sh
root='$folder/python/usr'
PYTHONHOME=\$root LD_LIBRARY_PATH=\$root/lib/x86_64-linux-gnu PYTHONNOUSERSITE=1 exec "\$root/bin/python2.7" "\$@"
E
chmod +x "$folder/bin/python2.7"
"$folder/bin/python2.7" -c 'import ssl, ctypes, zlib' || die "the unpacked Python 2.7 does not run"

# ------------------------------------------------------------------ the suite, through pip
unset PIP_FIND_LINKS PIP_REQUIRE_VIRTUALENV PIP_USER PIP_TARGET PIP_PREFIX PYTHONPATH PYTHONHOME
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_PYTHON_VERSION_WARNING=1 PIP_RETRIES=5
roots=/etc/ssl/certs/ca-certificates.crt
if [ -z "${PIP_CERT:-}" ] && [ -r "$roots" ]; then export PIP_CERT=$roots; fi
pip() {
  PYTHONPATH="$folder/site" "$folder/bin/python2.7" \
    "$folder/python/usr/share/python-wheels/pip-20.3.4-py2.py3-none-any.whl/pip" "$@"
}
cat > "$work/build.txt" <<'E'
setuptools==44.1.1 --hash=sha256:27a714c09253134e60a6fa68130f78c7037e5562c4f21f8f318f2ae900d152d5
wheel==0.37.1 --hash=sha256:4bdcd7d840138086126cd09254dc6195fb4fc6f01c050a1d7236f2630db1d22a
E
cat > "$work/wheels.txt" <<'E'
autobahntestsuite==25.10.1 --hash=sha256:b57ee6b22de624a03256878ad453c9897d2ad7ee08a4c38b35ee2847637e1383
Automat==20.2.0 --hash=sha256:b6feb6455337df834f6c9962d6ccf771515b7d939bca142b29c20c2376bc6111
Jinja2==2.11.3 --hash=sha256:03e47ad063331dd6a3f04a43eddca8a966a26ba0c5b7207a9a9e4e08f1b29419
MarkupSafe==1.1.1 --hash=sha256:43a55c2930bbc139570ac2452adf3d70cdbb3cfe5912c71cdce1c2c6bbd9c5d1
PyHamcrest==1.9.0 --hash=sha256:6b672c02fdf7470df9674ab82263841ce8333fb143f32f021f6cb26f0e512420
Twisted==19.10.0 --hash=sha256:776c65270b57ac074d5b7a471142f434b0ac5a8b39d9c974769c855c32abfd91
attrs==21.4.0 --hash=sha256:2d27e3784d7a565d36ab851fe94887c5eccd6a463168875832a1be79c82828b4
cffi==1.15.1 --hash=sha256:ed9cb427ba5504c1dc15ede7d516b84757c3e3d7868ccc85121d9310d27eed0b
constantly==15.1.0 --hash=sha256:dd2fa9d6b1a51a83f0d7dd76293d734046aa176e384bf6e33b7e44880eb37c5d
cryptography==3.3.2 --hash=sha256:c7390f9b2119b2b43160abb34f63277a638504ef8df99f11cb52c1fda66a2e6f
enum34==1.1.10 --hash=sha256:a98a201d6de3f2ab3db284e70a33b0f896fbf35f8086594e8c9e74b909058d53
hyperlink==21.0.0 --hash=sha256:e6b14c37ecb73e89c77d78cdb4c2cc8f3fb59a885c5b3f819ff4ed80f25af1b4
idna==2.10 --hash=sha256:b97d804b1e9b523befed77c48dacec60e6dcb0b5391d57af6a65a312a90648c0
incremental==16.10.1 --hash=sha256:cc00a35f9e9621ddec0a5e7d17271f3f26244873c4aec67eda06f2db8302e04b
ipaddress==1.0.23 --hash=sha256:6e0f4a39e66cb5bb9a137b00276a2eff74f93b71dcbdad6f10ff7df9d3557fcc
linecache2==1.0.0 --hash=sha256:e78be9c0a0dfcbac712fe04fbf92b96cddae80b1b842f24248214c8496f006ef
pyOpenSSL==19.1.0 --hash=sha256:621880965a720b8ece2f1b2f54ea2071966ab00e2970ad2ce11d596102063504
pyasn1==0.4.8 --hash=sha256:39c7e2ec30515947ff4e87fb6f456dfc6e84857d34be479c9d4a4ba4bf46aa5d
pyasn1_modules==0.2.8 --hash=sha256:a50b808ffeb97cb3601dd25981f6b016cbb3d31fbf57a8b8a87428e6158d0c74
pycparser==2.21 --hash=sha256:8ee45429555515e1f6b185e78100aea234072576aa43ab53aefcae078162fca9
service_identity==18.1.0 --hash=sha256:001c0707759cb3de7e49c078a7c0c9cd12594161d3bf06b9c254fdcb1a60dc36
six==1.16.0 --hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254
traceback2==1.4.0 --hash=sha256:8253cebec4b19094d67cc5ed5af99bf1dba1285292226e98a31929f87a5d6b23
typing==3.10.0.0 --hash=sha256:c7219ef20c5fbf413b4567092adfc46fa6203cb8454eda33c3fc1afe1398a308
unittest2==1.1.0 --hash=sha256:13f77d0875db6d9b435e1d4f41e74ad4cc2eb6e1d5c824996092b3430f088bb8
zope.interface==4.6.0 --hash=sha256:bad44274b151d46619a7567010f7cde23a908c6faa84b97598fd2f474a0c6891
E
cat > "$work/sources.txt" <<'E'
autobahn==0.10.9 --hash=sha256:3fecc1e2a26a0421128ddcfb4e577f0bc669dd65d0e0fdad1c773965cbcef75a
txaio==2.1.0 --hash=sha256:b94e3dbc83760b68955160fc61a2c34e2798f7a90c41672560f40dfd2946a864
E
cat > "$work/speed.txt" <<'E'
wsaccel==0.6.3 --hash=sha256:fdb27866bb6b6e7a29e45222778ff97938782a0ce92eff07dfb20af8fb9301c4
E
get=(-q --no-deps --require-hashes)
fetch() { pip "$@" >> "$work/pip.log" 2>&1; }
missing() {
  if grep -q 'DO NOT MATCH THE HASHES' "$work/pip.log"; then die "a Python package is not the one that was pinned, see $work/pip.log"; fi
  lacks "Python packages from this machine's package index: $(grep -m1 '^ERROR' "$work/pip.log"), see $work/pip.log"
}
build=(wheel "${get[@]}" --no-build-isolation --no-cache-dir -w "$work/wheels")
fetch install "${get[@]}" --only-binary :all: --target "$folder/site" -r "$work/build.txt" || missing
rm -rf "$folder/site/bin"
fetch "${build[@]}" -r "$work/sources.txt" || missing
if command -v cc > /dev/null; then
  CFLAGS="-O2 -I$folder/python/usr/include/python2.7 -I$folder/python/usr/include" fetch "${build[@]}" -r "$work/speed.txt" || missing
else
  say "without a C compiler the suite takes its slow path"
fi
fetch install "${get[@]}" --only-binary :all: --target "$folder/site" -r "$work/wheels.txt" || missing
# Unpacked over the rest, because pip does not merge into a package that is there (twisted/plugins).
for wheel in "$work"/wheels/*.whl; do "$folder/bin/python2.7" -m zipfile -e "$wheel" "$folder/site"; done
touch "$folder/site/zope/__init__.py"

# ------------------------------------------------------------------ the launcher
cat > "$folder/bin/launch.py" <<'E'
# The unmodified suite, but it listens on the loopback interface only, and ends with the runner that started it.
import os
import sys
import threading
import autobahntestsuite.fuzzing as fuzzing

listen = fuzzing.listenWS
fuzzing.listenWS = lambda factory, context=None: listen(factory, context, interface='127.0.0.1')


def end_with_runner():
    os.read(0, 1)
    os._exit(1)


if os.environ.get('TICKWIRE_RUNNER'):
    watcher = threading.Thread(target=end_with_runner)
    watcher.daemon = True
    watcher.start()

from autobahntestsuite.wstest import run
sys.argv[0] = 'wstest'
run()
E
cat > "$folder/bin/wstest" <<E
#!/bin/sh
PYTHONPATH='$folder/site' exec '$folder/bin/python2.7' -u '$folder/bin/launch.py' "\$@"
E
chmod +x "$folder/bin/wstest"

# ------------------------------------------------------------------ does it work?
count=$(PYTHONPATH="$folder/site" "$folder/bin/python2.7" -c 'from autobahntestsuite.case import Cases; print(len(Cases))')
[ "$count" = 517 ] || die "the suite has $count cases instead of 517"
"$folder/bin/wstest" --autobahnversion > /dev/null || die "the suite does not start"
rm -rf "$work" "$folder"/python/usr/lib/python2.7/config-*/libpython2.7*.a
echo "$stamp" > "$folder/stamp"
say "$count cases, ready in $folder"
