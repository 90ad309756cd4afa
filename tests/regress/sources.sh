#!/bin/sh
# PostgreSQL's sources, of the very version of a server, and what its tests need built of them.
#
#     sources.sh CACHE MAJOR VERSION        prints the folder of the sources
#
# The sources come from the distribution's source package, through apt as it is set up here; or they are those that PGVEIL_REGRESS_DIR names,
# which are copied: nothing is written there.
set -eu
cache=$1 major=$2 version=$3
tree=$cache/postgresql-$version
own=${PGVEIL_REGRESS_DIR:-}
if [ -n "$own" ]; then
    [ -x "$own/configure" ] || { echo "PGVEIL_REGRESS_DIR=$own: no sources of PostgreSQL are there (no configure)" >&2; exit 1; }
    found=$(sed -n "s/^PACKAGE_VERSION='\(.*\)'/\1/p" "$own/configure")
    case $found in
        "$major" | "$major".* | "$major"[a-z]*) ;;
        *) echo "PGVEIL_REGRESS_DIR=$own: these are sources of PostgreSQL $found, the server is $version" >&2; exit 1 ;;
    esac
    own=$(cd "$own" && pwd)
    # Others than apt's, and than those of another folder.
    tree=$cache/own-$(printf %s "$own" | cksum | cut -d' ' -f1)
fi
done=$tree/.built-for-pgveil

# A folder of one's own may have changed since.
if [ -n "$own" ] && [ -e "$done" ] && [ -n "$(find "$own/src/test" "$own/configure" -newer "$done" -type f | head -n 1)" ]; then
    rm "$done"
fi

if [ ! -e "$done" ]; then
    rm -rf "$tree" "$cache/fetch"
    mkdir -p "$cache/fetch/lists/partial" "$cache/fetch/cache/archives/partial"
    cd "$cache/fetch"
    if [ -n "$own" ]; then
        cp -a "$own" found
        # What was built there was built for that place and that set-up.
        find found -type f \( -name '*.[oa]' -o -name '*.so' -o -name '*.so.*' -o -name '*.bc' \) -delete
        rm -f found/config.status found/config.cache found/GNUmakefile found/src/Makefile.global found/src/Makefile.port \
            found/src/include/pg_config.h found/src/include/pg_config_ext.h found/src/include/pg_config_os.h found/src/include/stamp-h
    else
        # The sources that apt knows, with source packages switched on, in a folder of our own: the machine's set-up stays as it is.
        mkdir parts
        for file in /etc/apt/sources.list.d/*.sources; do
            [ ! -e "$file" ] || sed -E 's/^Types:.*/Types: deb-src/' "$file" >"parts/$(basename "$file")"
        done
        for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
            [ ! -e "$file" ] || sed -nE 's/^deb(-src)? /deb-src /p' "$file" >"parts/$(basename "$file" .list).list"
        done
        apt() {
            apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$PWD/parts" -o Dir::State::Lists="$PWD/lists" \
                -o Dir::Cache="$PWD/cache" -o APT::Sandbox::User=root "$@" >&2
        }
        apt update
        # The package of the installed server first: the newest may be another minor version.
        installed=$(dpkg-query -W -f '${source:Version}' "postgresql-$major" 2>/dev/null || true)
        apt source "postgresql-$major=$installed" || apt source "postgresql-$major"
        mv "postgresql-$major-"*/ found
    fi
    mv found "$tree"
    cd "$tree"
    # The server is not built, so what it is built with does not matter to these.
    [ -e config.status ] || ./configure --quiet --without-readline --without-zlib --without-icu CFLAGS=-O1 >&2
    for part in src/test/regress src/test/isolation src/test/modules/libpq_pipeline; do
        MAKELEVEL=0 make -s -j2 -C "$part" >&2
    done
    touch "$done"
    rm -rf "$cache/fetch"
fi
echo "$tree"
