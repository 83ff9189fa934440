#!/bin/sh
# What the aarch64 profile needs: a cross compiler and an emulator. Installs what is missing with
# apt as root, and otherwise prints the line to type.
set -eu
packages='g++-aarch64-linux-gnu qemu-user'

if command -v aarch64-linux-gnu-g++ >/dev/null && command -v qemu-aarch64 >/dev/null; then
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "cairn: the cross compiler for aarch64 or qemu is missing; install them with:" >&2
  echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends $packages" >&2
  exit 1
fi
apt-get update -qq >&2
# shellcheck disable=SC2086 # a list of words
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >&2
