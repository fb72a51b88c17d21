#!/bin/sh
# Compiles the native kernels: build.sh OUTPUT_FOLDER [COMPILER OS ARCH]
# Without a C compiler, or for a processor that has no kernels here, it says so and leaves the folder alone: the library
# then runs on the Vector API.
set -eu
sources=$(cd "$(dirname "$0")" && pwd)
output=$1
compiler=${2:-${CC:-cc}}
os=${3:-$(uname -s | tr '[:upper:]' '[:lower:]')}
arch=${4:-$(uname -m)}

if ! command -v "$compiler" >/dev/null; then
  echo "No C compiler ($compiler): the native kernels are left out"
  exit 0
fi
case $arch in
  x86_64 | amd64)
    arch=x86_64
    sets="avx512vnni avx2"
    ;;
  aarch64 | arm64)
    arch=aarch64
    sets="dotprod neon"
    ;;
  *)
    echo "No native kernels for $arch: they are left out"
    exit 0
    ;;
esac

# Results must not depend on the compiler's taste: no fusing of multiplications and additions but where it is written.
flags="-std=gnu11 -O3 -fPIC -ffp-contract=off -fno-math-errno -Wall -Wextra -Wno-psabi"
folder=$output/META-INF/native/$os-$arch
work=$output/../native-objects
mkdir -p "$folder" "$work"
objects=""
compilers=""
for set in $sets; do
  case $set in
    avx512vnni) target="-mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mfma -mf16c -mprefer-vector-width=512" ;;
    avx2) target="-mavx2 -mfma -mf16c" ;;
    dotprod) target="-march=armv8.2-a+dotprod" ;;
    neon) target="-march=armv8-a" ;;
  esac
  # shellcheck disable=SC2086
  "$compiler" $flags $target "-DRWKV(name)=rwkv_##name##_$set" -c "$sources/kernels.c" -o "$work/$set.o" &
  compilers="$compilers $!"
  objects="$objects $work/$set.o"
done
for pid in $compilers; do
  wait "$pid"
done
# shellcheck disable=SC2086
"$compiler" $flags -shared -o "$folder/librwkv_kernels.so" "$sources/dispatch.c" $objects
