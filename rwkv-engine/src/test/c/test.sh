#!/bin/sh
# Tests the native kernels without a JVM: test.sh SET [COMPILER OS ARCH [EMULATOR ...]], for example
#   test.sh avx2
#   test.sh neon aarch64-linux-gnu-gcc linux aarch64 qemu-aarch64 -L /usr/aarch64-linux-gnu
set -eu
here=$(cd "$(dirname "$0")" && pwd)
set_name=$1
compiler=${2:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ $# -ge 4 ]; then
  "$here/../../main/c/build.sh" "$work/classes" "$compiler" "$3" "$4"
  shift 4
else
  "$here/../../main/c/build.sh" "$work/classes"
  shift $#
fi
"$compiler" -std=gnu11 -O1 -ffp-contract=off "-DSET=$set_name" "$here/kernels_test.c" \
  "$work/native-objects/$set_name.o" -lm -o "$work/kernels_test"
"$@" "$work/kernels_test"
