package dev.cairn.server.cli;

import java.io.IOException;
import java.io.Reader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The process that started this one and holds the other end of its standard input. */
final class ParentProcess {
  private static final Logger LOG = LoggerFactory.getLogger(ParentProcess.class);

  private ParentProcess() {}

  /**
   * Ends this process at once, with {@link Main#FAILED}, when its input ends: whoever held the
   * other end is gone then, however it went.
   *
   * @param input of this process, which nobody else reads from now on
   */
  static void endWith(Reader input) {
    Thread watch =
        new Thread(
            () -> {
              try {
                while (input.read() >= 0) {
                  LOG.debug("more input than expected");
                }
              } catch (IOException e) {
                LOG.debug("the input failed", e);
              }
              Runtime.getRuntime().halt(Main.FAILED);
            },
            "cairn-parent");
    watch.setDaemon(true);
    watch.start();
  }
}
