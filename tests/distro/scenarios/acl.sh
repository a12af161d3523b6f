#!/bin/bash
# SPDX-License-Identifier: MIT
# Debian's setfacl and getfacl, and what cp, mv, ls, sed, install and tar do with lists.
set -u
umask 022

as() { # UID COMMAND...
    setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}" 2>&1
    echo "exit code $?"
}

tree() { # FOLDER: the lists of all that is in it, sorted
    (cd "$1" && find . | sort | getfacl -n -)
}

# ---- What is said and shown ----
echo text >file
setfacl -m u:1000:rw,g:200:r,u:nobody:x file
getfacl file
getfacl -n file
getfacl -e -t file
ls -l file | cut -c 1-11
stat -c %A:%a file
setfacl -m m::r file && getfacl -e file
setfacl -x u:1000 file && getfacl -c file
setfacl -n -m u:1000:rwx file && getfacl -c file
chmod g=w,o= file && getfacl -c file
setfacl -b file && getfacl -c file && ls -l file | cut -c 1-11
setfacl -m u:1000:- -M - file <<<'g:300:rwx' && getfacl -c file
setfacl --set u::rw,g::r,o::-,u:1001:rw file && getfacl -c file
for bad in u:1000 u:none:r q::r m::q d:u:1000:r u::rwx,u:5 x:; do
    setfacl -m "$bad" file
    echo "exit code $?"
done 2>&1
getfacl none 2>&1
setfacl -m u:1:r none 2>&1

# ---- Directories and what is made in them ----
mkdir dir && setfacl -d -m u:1000:rwx,g:200:rx dir && getfacl dir
umask 077
mkdir dir/sub && touch dir/new && tree dir
umask 022
setfacl -R -m u:1002:rX dir && tree dir
setfacl -k dir && getfacl -c dir
(cd dir && getfacl -R . >../saved && setfacl -R -b . && tree . && setfacl --restore=../saved && getfacl -R . | cmp - ../saved && echo same)
getfacl --skip-base dir/sub file /etc/passwd 2>/dev/null

# ---- Who may ----
echo secret >private && chmod 600 private && setfacl -m u:1000:r private
as 1000 cat private
as 1001 cat private
as 1000 sh -c 'echo more >>private'
setfacl -m u:1000:rw private
as 1000 sh -c 'echo more >>private'
as 1000 setfacl -m u:1001:r private
as 1000 getfacl -n private
as 1000 test -w private
as 1001 test -r private
mkdir shared && chmod 700 shared && setfacl -m u:1000:rwx,d:u:1000:rwx,d:u:1001:rx shared
as 1000 sh -c 'umask 077; mkdir shared/a && echo hello >shared/a/b && setfacl -m u:1002:r shared/a/b; ls -l shared/a | tail -n 1 | cut -c 1-11'
as 1001 ls shared
setfacl -m u:1001:x shared
as 1001 cat shared/a/b
as 1002 cat shared/a/b
tree shared

# ---- What keeps them ----
cp file copy && getfacl -c copy
cp -p file copy && getfacl -c copy
cp -a dir dir2 && tree dir2 | diff - <(tree dir) && echo same
cp --preserve=mode file /dev/shm/copy && getfacl -c /dev/shm/copy 2>/dev/null
mv file /dev/shm/moved && getfacl -c /dev/shm/moved 2>/dev/null
mv /dev/shm/moved file && getfacl -c file
sed -i s/text/other/ file && getfacl -c file
install -m 640 file installed && getfacl -c installed
tar --acls --sort=name -cf a.tar dir file && mkdir x && tar --acls -C x -xpf a.tar && tree x
tar --acls -tvvf a.tar | sed 's/ [0-9-]\{10\} [0-9:]\{5\}//'
mkdir y && tar -C y -xpf a.tar && tree y
tar --xattrs --xattrs-include='*' -cf b.tar dir file && mkdir z && tar --xattrs --xattrs-include='*' -C z -xpf b.tar && tree z
python3 -c '
import os, shutil
shutil.copy2("file", "copied")
print(sorted(os.listxattr("file")), os.getxattr("copied", "system.posix_acl_access").hex())
os.removexattr("copied", "system.posix_acl_access")
print(os.listxattr("copied"), oct(os.stat("copied").st_mode))'
ln -s file link && setfacl -m u:7:r link && getfacl -c file && getfacl -P link 2>&1
mkfifo fifo && setfacl -m u:7:rw fifo && getfacl -c fifo
