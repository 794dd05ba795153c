#!/bin/sh
# Reads captures that nobody here chose: those of other programs' source packages, from
# Debian's archive by apt-get, and holds what is told of them against tshark.
#
#   scripts/others.sh [PACKAGE…]      default: those whose differences are all listed;
#                                     of ndpi's, damaged and doubled captures differ in hundreds
set -eu
go=${GO:-go}
root=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/parts" "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/source" "$dir/captures"
. /etc/os-release
cat > "$dir/parts/source.sources" <<END
Types: deb-src
URIs: http://deb.debian.org/debian
Suites: $VERSION_CODENAME
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
cat > "$dir/apt.conf" <<END
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$dir/parts";
Dir::State::Lists "$dir/lists";
Dir::Cache "$dir/cache";
END
export APT_CONFIG="$dir/apt.conf"
apt-get -qq update
cd "$dir/source"
[ $# -gt 0 ] || set -- wireshark tcpdump tcpflow dnscap packetq suricata libpcap python-dpkt
for package; do # one suite has what another has not
	apt-get -qq source --download-only --tar-only "$package" || echo "$package: $VERSION_CODENAME does not have it" >&2
done
for archive in *.orig.tar.?z *.orig.tar.bz2; do
	[ -e "$archive" ] || continue
	name=${archive%%_*}
	mkdir "$name"
	tar -xf "$archive" -C "$name"
	find "$name" -type f \( -name '*.pcap' -o -name '*.pcapng' -o -name '*.cap' \) | while read -r file; do
		cp "$file" "$dir/captures/$name-$(basename "$file")"
	done
	find "$name" -type f -name '*.pcap.out' | while read -r file; do # what nDPI expects
		cp "$file" "$dir/captures/$name-$(basename "$file")"
	done
	find "$name" -type f \( -name '*.pcap.gz' -o -name '*.pcapng.gz' \) | while read -r file; do
		gzip -dc "$file" > "$dir/captures/$name-$(basename "$file" .gz)"
	done
done
cd "$root"
FLOWCORR_CAPTURES="$dir/captures" "$go" test -count=1 -timeout 60m -run "TestOther(Captures|Counts)" -v ./pkg/pcapflow
