package dev.cairn.server.cli;

import dev.cairn.server.keys.KeyText;
import dev.cairn.server.keys.KeysFile;
import dev.cairn.server.keys.StoredKey;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.function.Function;
import picocli.CommandLine.Model.CommandSpec;

/** A key that was just made: its owner sees it this once, the file keeps its hash. */
final class FreshKey {
  private FreshKey() {}

  /**
   * Makes a key, writes its hash to the file and only then shows it.
   *
   * @param entry what the file keeps of a key
   * @param use how its owner uses it, a sentence
   */
  static <K extends StoredKey> void handOut(
      CommandSpec spec, KeysFile<K> keys, Function<String, K> entry, String use)
      throws IOException {
    String key = KeyText.fresh(new SecureRandom());
    K kept = entry.apply(key);
    keys.add(kept);
    spec.commandLine().getOut().println(key);
    spec.commandLine().getOut().flush();
    spec.commandLine()
        .getErr()
        .println(
            "The key of "
                + kept
                + " is shown this once; "
                + keys.path()
                + " holds its hash. "
                + use);
  }
}
