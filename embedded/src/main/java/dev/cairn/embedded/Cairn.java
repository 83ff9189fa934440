package dev.cairn.embedded;

import com.typesafe.config.Config;
import dev.cairn.actors.Embeddings;
import dev.cairn.actors.RejectedException;
import dev.cairn.actors.RequestView;
import dev.cairn.actors.Requests;
import dev.cairn.actors.Telemetry;
import dev.cairn.cluster.CairnNode;
import dev.cairn.cluster.EmbeddingSettings;
import dev.cairn.cluster.ModelParts;
import dev.cairn.cluster.NodeConfig;
import dev.cairn.device.DeviceException;
import dev.cairn.device.Devices;
import dev.cairn.model.ModelException;
import dev.cairn.model.ModelFile;
import dev.cairn.model.Pooling;
import dev.cairn.persistence.RequestIds;
import dev.cairn.persistence.RequestSpec;
import java.io.UncheckedIOException;
import java.security.SecureRandom;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * An engine inside this process: one model, one journal, no HTTP. It has an actor system of its own
 * beside any that the host has, and nothing of it is global: several may run in a JVM. Safe for any
 * number of threads.
 */
public final class Cairn implements AutoCloseable {
  private final CairnNode node;
  private final ModelFile model;
  private final Requests requests;
  private final Pooling pooling;
  private final RequestIds ids = new RequestIds(System::currentTimeMillis, new SecureRandom());

  private Cairn(CairnNode node, ModelFile model, Pooling pooling) {
    this.node = node;
    this.model = model;
    this.pooling = pooling;
    this.requests = node.requests();
  }

  /**
   * Loads the model, opens the journal and lets go on what had not ended. Blocks until that is
   * done.
   *
   * @throws ModelException if the model's file cannot be read or used
   * @throws DeviceException if the device cannot be opened
   * @throws IllegalArgumentException if a key of the configuration is wrong
   * @throws UncheckedIOException if the directory cannot be used, as while another engine uses it
   * @throws IllegalStateException if the engine does not come up in time
   */
  public static Cairn start(CairnConfig config) {
    Config whole = NodeConfig.inHost(config.said());
    ModelFile model = ModelFile.read(config.model(), Devices.supportedTypes());
    return new Cairn(
        CairnNode.start(ModelParts.of(whole, model, config.progress(), Telemetry.NONE)),
        model,
        EmbeddingSettings.from(whole).pooling(model.pooling()));
  }

  /**
   * Accepts a request.
   *
   * @return its generation, once the request is durable: whatever happens to this process, it will
   *     be completed when the next engine starts. Fails with {@link RejectedException} where it is
   *     refused
   */
  public CompletionStage<Generation> submit(GenerationRequest request) {
    RequestSpec spec =
        request.spec(
            model.spec().name(),
            model.spec().fingerprint(),
            model.tokenizer(),
            ids,
            System.currentTimeMillis());
    return requests.submit(spec).thenApply(this::generation);
  }

  /**
   * The same for a thread that may wait.
   *
   * @throws RejectedException where it is refused
   */
  public Generation generate(GenerationRequest request) throws InterruptedException {
    return Generation.wait(submit(request));
  }

  /** A generation by its id, of an earlier process too; empty where there is none. */
  public CompletionStage<Optional<Generation>> find(String id) {
    return requests.find(id).thenApply(view -> view.map(this::generation));
  }

  /** The generation of a host's own name, as {@link GenerationRequest#idempotencyKey} has it. */
  public CompletionStage<Optional<Generation>> findByKey(String idempotencyKey) {
    return find(RequestIds.ofKey(idempotencyKey));
  }

  private Generation generation(RequestView view) {
    return new Generation(view, requests, model.tokenizer(), node.system().executionContext());
  }

  /**
   * Computes vectors of texts, pooled as {@code cairn.embeddings.pooling} says, from the hidden
   * states of the model. The same text has the same bits whenever it is asked for; nothing of it is
   * durable.
   *
   * @param texts at least one, none empty
   * @return one vector for each text, in order, of length 1. Cancelling it gives everything back.
   *     Fails with {@link RejectedException} where the call is refused: with more texts or longer
   *     ones than {@code cairn.embeddings} allows, or while as many calls run as may
   * @throws IllegalArgumentException where there is no text, or an empty one
   */
  public CompletableFuture<List<float[]>> embed(List<String> texts) {
    List<int[]> inputs =
        texts.stream()
            .map(text -> text.isEmpty() ? new int[0] : model.tokenizer().encode(text, true, true))
            .toList();
    return node.embeddings().embed(new Embeddings.Call("", 0, pooling, inputs));
  }

  /** The vector of one text; cancelling it gives everything back. */
  public CompletableFuture<float[]> embed(String text) {
    CompletableFuture<List<float[]>> all = embed(List.of(text));
    CompletableFuture<float[]> one = all.thenApply(vectors -> vectors.get(0));
    one.whenComplete(
        (vector, failure) -> {
          if (failure != null) {
            all.cancel(true);
          }
        });
    return one;
  }

  /** The model's name. */
  public String model() {
    return model.spec().name();
  }

  /** Why requests are not served at the moment; empty where they are. */
  public Map<String, String> notReady() {
    return node.readiness().reasons();
  }

  /**
   * Completes when the engine has stopped: because it was closed, or because an error of the JVM
   * ended it, which is in the log. What has not ended goes on when the next engine starts.
   */
  public CompletionStage<Void> whenStopped() {
    return node.whenTerminated().thenAccept(done -> {});
  }

  /** What the engine holds of requests that are not only in its journal, by kind. */
  public Map<String, Long> held() {
    return node.leaks().held();
  }

  /**
   * Stops. What has not ended stays in the journal and goes on when the next engine starts with it.
   *
   * @throws IllegalStateException if it does not stop in time
   */
  @Override
  public void close() {
    node.close();
  }
}
