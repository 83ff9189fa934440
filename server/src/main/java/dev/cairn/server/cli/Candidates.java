package dev.cairn.server.cli;

import java.util.Iterator;
import java.util.List;

/** What shells offer as the values of options; others may be allowed as well. */
final class Candidates {
  private Candidates() {}

  private abstract static class Of implements Iterable<String> {
    private final List<String> values;

    Of(String... values) {
      this.values = List.of(values);
    }

    @Override
    public Iterator<String> iterator() {
      return values.iterator();
    }
  }

  static final class Profiles extends Of {
    Profiles() {
      super("single", "cluster");
    }
  }

  static final class Roles extends Of {
    Roles() {
      super("gateway", "device");
    }
  }

  static final class Backends extends Of {
    Backends() {
      super("auto", "cpu", "hip", "cuda");
    }
  }

  static final class Weights extends Of {
    Weights() {
      super("packed", "mapped");
    }
  }

  static final class KvTypes extends Of {
    KvTypes() {
      super("F16", "F32", "Q8_0");
    }
  }

  static final class LogFormats extends Of {
    LogFormats() {
      super("text", "json");
    }
  }

  static final class States extends Of {
    States() {
      super("accepted", "assigned", "paused", "finished");
    }
  }

  static final class Bands extends Of {
    Bands() {
      super("system", "production", "interactive", "batch");
    }
  }
}
