#!/bin/sh
# Runs in an image's build stage: builds the programs and lays out, under
# /image, what the image gets. /opt/tfcnn has libtensorflow, /base the base
# image's list of packages.
set -eu

prefix=/opt/tfcnn
export CGO_CFLAGS="-O2 -g -I$prefix/include"
export CGO_LDFLAGS="-O2 -g -L$prefix/lib -Wl,-rpath,$prefix/lib"
facts="-X main.version=$VERSION -X main.revision=$REVISION -X main.created=$CREATED"

libraries=/image/libraries$prefix
program=/image/program
mkdir -p "$libraries/lib" "$program$prefix/bin" "$program$prefix/share" "$program/usr/local/bin" "$program/out"

ln "$prefix"/lib/*.so.2 "$libraries/lib/"
[ ! -d "$prefix/nvidia" ] || cp -al "$prefix/nvidia" "$libraries/"
cp -r "$prefix/share" "$libraries/"

# Position-independent, and read-only where the dynamic linker has written.
build() { go build -trimpath -buildvcs=false -buildmode=pie -ldflags "-s -w -bindnow $facts" -o "$@"; }
build "$program$prefix/bin/cnndemo" ./cmd/cnndemo
# Static: for a program with capabilities, ld.so would take LD_LIBRARY_PATH, TMPDIR and
# the like out of the environment, and cnndemo would never see them.
CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w $facts" -o "$program/usr/local/bin/cnndemo" ./docker/launcher
setcap cap_chown,cap_setuid,cap_setgid+p "$program/usr/local/bin/cnndemo"

cp LICENSE NOTICE testdata/images/ATTRIBUTION.md "$program$prefix/share/"
CGO_ENABLED=0 go build -trimpath -buildvcs=false -o /usr/local/bin/sbom ./docker/sbom

# Anybody may write to /out, as to /tmp: the image runs as any user.
chmod 1777 "$program/out"
