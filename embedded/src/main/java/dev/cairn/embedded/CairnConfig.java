package dev.cairn.embedded;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigValueFactory;
import dev.cairn.device.LoadProgress;
import java.nio.file.Path;
import java.util.Objects;

/**
 * What an engine is started with; immutable. Beyond the model and the directory everything has its
 * default, and any key of Cairn's {@code reference.conf} can be set.
 */
public final class CairnConfig {
  private final Path model;
  private final Config said;
  private final LoadProgress progress;

  private CairnConfig(Path model, Config said, LoadProgress progress) {
    this.model = model;
    this.said = said;
    this.progress = progress;
  }

  /**
   * An engine of one model.
   *
   * @param model a GGUF file
   * @param dataDirectory where the journal is; created where it is missing, used by one engine at a
   *     time. What has not ended there goes on when the engine starts
   */
  public static CairnConfig of(Path model, Path dataDirectory) {
    Objects.requireNonNull(model, "a CairnConfig without a model");
    return new CairnConfig(model, ConfigFactory.empty(), LoadProgress.NONE)
        .set("cairn.journal.directory", dataDirectory.toString());
  }

  /** Compute threads of the device; without it one for each processor core that helps. */
  public CairnConfig threads(int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException(threads + " threads, expected at least 1");
    }
    return set("cairn.device.threads", threads);
  }

  /** Longest sequence in tokens, prompt and output; without it what the model was made for. */
  public CairnConfig maxContext(int tokens) {
    if (tokens < 1) {
      throw new IllegalArgumentException("a context of " + tokens + " tokens, expected at least 1");
    }
    return set("cairn.device.max-context", tokens);
  }

  /**
   * Sets a key of the configuration.
   *
   * @param key such as {@code cairn.device.kv-memory}
   * @param value a number, a boolean, text or a list of these
   */
  public CairnConfig set(String key, Object value) {
    return new CairnConfig(
        model, said.withValue(key, ConfigValueFactory.fromAnyRef(value)), progress);
  }

  /** Lays more configuration under what has been set so far. */
  public CairnConfig with(Config more) {
    return new CairnConfig(model, said.withFallback(more), progress);
  }

  /** Tells somebody how far the model is loaded, on the thread that starts the engine. */
  public CairnConfig onLoading(LoadProgress listener) {
    return new CairnConfig(model, said, listener);
  }

  Path model() {
    return model;
  }

  Config said() {
    return said;
  }

  LoadProgress progress() {
    return progress;
  }
}
