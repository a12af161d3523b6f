#!/bin/sh
# SPDX-License-Identifier: MIT
# apt-get and dpkg: packages of our own are built, installed, upgraded, refused and purged.
set -u
export DEBIAN_FRONTEND=noninteractive
apt-get --version | head -n 1
make_package() { # NAME VERSION DEPENDS
    rm -rf p
    mkdir -p p/DEBIAN p/usr/share/$1 p/etc
    echo "$1 $2" >p/usr/share/$1/data
    echo "setting=$2" >p/etc/$1.conf
    echo /etc/$1.conf >p/DEBIAN/conffiles
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: n <n@e>\nDepends: %s\nDescription: d\n' "$1" "$2" "$3" >p/DEBIAN/control
    for script in preinst postinst prerm postrm; do
        printf '#!/bin/sh\necho "%s %s $*"\n' "$1" $script >p/DEBIAN/$script
        chmod 755 p/DEBIAN/$script
    done
    dpkg-deb --root-owner-group -b p "$1_$2.deb"
}
make_package lib-tiny 1.0 libc6
make_package tiny 1.0 'lib-tiny (>= 1.0)'
make_package tiny 2.0 'lib-tiny (>= 1.0)'
make_package broken 1.0 no-such-package
dpkg-deb -c tiny_1.0.deb | awk '{ print $1, $2, $NF }'
dpkg -i tiny_1.0.deb 2>&1 | tail -n 3
dpkg -i lib-tiny_1.0.deb
dpkg --configure -a
dpkg -s tiny | grep -E '^(Status|Version)'
echo 'setting=mine' >/etc/tiny.conf
dpkg --force-confold -i tiny_2.0.deb
cat /usr/share/tiny/data /etc/tiny.conf
dpkg -S /usr/share/tiny/data
dpkg -V tiny
dpkg -i broken_1.0.deb >/dev/null 2>&1
echo "broken: $?"
dpkg -P broken
dpkg -r lib-tiny 2>&1 | head -n 2
apt-get -s remove lib-tiny 2>&1 | grep -E '^(Remv|[0-9])'
dpkg -P tiny lib-tiny
dpkg -l | grep -c '^ii'
ls /etc/tiny.conf 2>&1
apt-mark showauto | wc -l
dpkg --audit
