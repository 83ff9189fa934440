# What bin/cairn and bin/test need of the machine: a JDK 17, Maven, CMake, g++ and, for certificates,
# openssl; bin/test moreover Node with npm, and Chromium, for tests with clients and browsers that people
# have. Installs what is missing with apt as root, and otherwise prints the line to type. Sourced, not run.

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

# Installs the Debian packages $1 as root, and otherwise says how.
install_packages() {
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    say "$2 is missing; install with:"
    printf '  sudo apt-get update && sudo apt-get install -y --no-install-recommends %s\n' "$1" >&2
    exit 1
  fi
  say "installing $1"
  apt-get update -qq >&2
  # shellcheck disable=SC2086 # a list of words
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $1 >&2
}

install_tools() {
  has_tools || install_packages "$packages" 'a JDK 17, Maven, CMake, g++ or openssl'
}

# What tests alone need; only what is missing, because a Node of elsewhere brings its npm.
install_test_tools() {
  missing=
  command -v node >/dev/null || missing="$missing nodejs"
  command -v npm >/dev/null || missing="$missing npm"
  command -v chromium >/dev/null || missing="$missing chromium"
  missing=${missing# }
  [ -z "$missing" ] || install_packages "$missing" "what tests need ($missing)"
}
