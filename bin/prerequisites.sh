# What bin/cairn and bin/test need of the machine: a JDK 17, Maven, CMake, g++ and, for certificates,
# openssl. Installs what is missing with apt as root, and otherwise prints the line to type. Sourced,
# not run.

packages='openjdk-17-jdk-headless maven cmake g++ openssl'

say() {
  printf 'cairn: %s\n' "$*" >&2
}

# Whether $1 is the home of a JDK of version 17 or later.
is_jdk() {
  [ -x "$1/bin/java" ] && [ -x "$1/bin/javac" ] || return 1
  version=$("$1/bin/java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
  [ "${version:-0}" -ge 17 ]
}

# Prints the home of a JDK; fails where there is none.
find_jdk() {
  path_java=$(command -v java 2>/dev/null || true)
  if [ -n "$path_java" ]; then
    path_java=$(dirname "$(dirname "$(readlink -f "$path_java")")")
  fi
  for home in "${JAVA_HOME:-}" "$path_java" /usr/lib/jvm/java-17-openjdk-* /usr/lib/jvm/*; do
    if [ -n "$home" ] && is_jdk "$home"; then
      printf '%s\n' "$home"
      return 0
    fi
  done
  return 1
}

has_tools() {
  find_jdk >/dev/null && command -v mvn >/dev/null && command -v cmake >/dev/null \
    && command -v c++ >/dev/null && command -v openssl >/dev/null
}

install_tools() {
  if has_tools; then
    return 0
  fi
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    say "a JDK 17, Maven, CMake, g++ or openssl is missing; install them with:"
    printf '  sudo apt-get update && sudo apt-get install -y --no-install-recommends %s\n' \
      "$packages" >&2
    exit 1
  fi
  say "installing $packages"
  apt-get update -qq >&2
  # shellcheck disable=SC2086 # a list of words
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >&2
}
