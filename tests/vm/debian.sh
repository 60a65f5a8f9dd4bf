# Sourced: fetches packages of Debian's suites by their index and unpacks them, without installing.
# What was fetched stays under build/debian (indexes for a day).

MIRROR=${MIRROR:-http://deb.debian.org}
DEBIAN_CACHE=${DEBIAN_CACHE:-build/debian}

# debian_index SUITE: makes sure that $DEBIAN_CACHE/SUITE.index is there, with one line a package:
# name, path below the archive, SHA-256. Security suites are in an archive of their own.
debian_index() {
	local suite=$1 archive=debian index=$DEBIAN_CACHE/$1.index
	[[ $suite == *-security ]] && archive=debian-security
	[[ -s $index && -n $(find "$index" -mmin -1440) ]] && return 0
	mkdir -p "$DEBIAN_CACHE"
	curl -fsS --retry 2 --max-time 120 -o "$index.xz" \
		"$MIRROR/$archive/dists/$suite/main/binary-amd64/Packages.xz" || return 1
	xz -dc "$index.xz" | awk -v archive="$archive" '
		/^Package: / { name = $2 } /^Filename: / { path = $2 } /^SHA256: / { sum = $2 }
		/^$/ { print name, archive "/" path, sum }' >"$index.new" &&
		mv "$index.new" "$index"
	rm -f "$index.xz"
}

# debian_unpack SUITE PACKAGE FOLDER: 1 when the suite has no such package or it cannot be fetched.
debian_unpack() {
	local suite=$1 package=$2 folder=$3 path sum deb
	read -r path sum < <(awk -v p="$package" '$1 == p { print $2, $3; exit }' "$DEBIAN_CACHE/$suite.index")
	[[ -n $path ]] || return 1
	deb=$DEBIAN_CACHE/$package.$$.deb
	mkdir -p "$folder"
	curl -fsS --retry 2 --max-time 300 -o "$deb" "$MIRROR/$path" &&
		echo "$sum  $deb" | sha256sum -c --quiet && dpkg -x "$deb" "$folder"
	local rc=$?
	rm -f "$deb"
	return $rc
}
