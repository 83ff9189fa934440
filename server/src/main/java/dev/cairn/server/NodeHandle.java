package dev.cairn.server;

import dev.cairn.actors.Embeddings;
import dev.cairn.actors.Requests;
import dev.cairn.cluster.DrainSwitch;
import dev.cairn.model.ModelSpec;
import dev.cairn.model.Pooling;
import dev.cairn.model.Tokenizer;
import dev.cairn.model.grammar.Languages;
import java.util.List;
import java.util.Optional;
import org.apache.pekko.actor.ClassicActorSystemProvider;

/** A running node as the HTTP API and the command line use it. */
public interface NodeHandle extends AutoCloseable {
  /** The actor system that the node runs in; the HTTP server runs in it too. */
  ClassicActorSystemProvider system();

  Requests requests();

  /** Vectors of texts. */
  Embeddings embeddings();

  ModelSpec model();

  Tokenizer tokenizer();

  /** The languages that outputs may be held to. */
  Languages languages();

  /** Source of the model's chat template, where its file has one. */
  default Optional<String> chatTemplate() {
    return Optional.empty();
  }

  /** How the model's file says that vectors are to be made, where it says so. */
  default Optional<Pooling> pooling() {
    return Optional.empty();
  }

  /** Longest sequence that the device takes, prompt and generated together, in tokens. */
  int maxContext();

  /** Why the node cannot take requests now, one sentence each; empty while it can. */
  List<String> notReady();

  /** Whether the node is being emptied. */
  DrainSwitch draining();

  /** Stops the node and waits for it; unfinished requests stay in the journal. Idempotent. */
  @Override
  void close();
}
