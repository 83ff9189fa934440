package dev.cairn.server.http;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.actors.Embeddings;
import dev.cairn.actors.RejectedException;
import dev.cairn.server.NodeHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.util.ByteString;

/**
 * {@code POST /v1/embeddings}. A call makes no request that could be found again: it is computed
 * while its client waits and given up when that leaves. The same call has the same vectors, so an
 * {@code Idempotency-Key} changes nothing.
 */
final class EmbeddingRoutes {
  private final Embeddings embeddings;
  private final Intake intake;
  private final EmbeddingParser parser;
  private final String model;
  private final Executor executor;

  EmbeddingRoutes(NodeHandle node, Intake intake, EmbeddingParser parser) {
    this.embeddings = node.embeddings();
    this.intake = intake;
    this.parser = parser;
    this.model = node.model().name();
    this.executor = node.system().classicSystem().dispatcher();
  }

  CompletionStage<HttpResponse> create(Router.Call call, ObjectNode body) {
    Intake.idempotencyKey(call);
    EmbeddingParser.Wanted wanted = parser.parse(body, call.caller());
    List<HttpHeader> rates = intake.charge(call.caller(), wanted.tokens());
    CompletableFuture<List<float[]>> vectors = embeddings.embed(wanted.call());
    ClientConnection.Registration leaving = call.connection().onClose(() -> vectors.cancel(true));
    return vectors
        .whenComplete((done, failure) -> leaving.cancel())
        .handleAsync(
            (done, failure) -> {
              if (failure != null) {
                intake.refused(wanted.call().tenant(), failure);
                throw new CompletionException(named(failure));
              }
              return answer(done, wanted).addHeaders(rates);
            },
            executor);
  }

  /** Names the field that is at fault where an input is too long for every device. */
  private static Throwable named(Throwable failure) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    return cause instanceof RejectedException rejected
            && rejected.kind() == RejectedException.Kind.TOO_LONG
        ? ApiError.tooLong("input", rejected.getMessage())
        : cause;
  }

  /** Written at once and not as a tree, for vectors have many numbers. */
  private HttpResponse answer(List<float[]> vectors, EmbeddingParser.Wanted wanted) {
    StringBuilder out = new StringBuilder("{\"object\":\"list\",\"data\":[");
    for (int i = 0; i < vectors.size(); i++) {
      out.append(i == 0 ? "" : ",")
          .append("{\"object\":\"embedding\",\"index\":")
          .append(i)
          .append(",\"embedding\":");
      if (wanted.base64()) {
        out.append('"').append(base64(vectors.get(i))).append('"');
      } else {
        write(vectors.get(i), out);
      }
      out.append('}');
    }
    out.append("],\"model\":");
    Json.quote(model, out);
    long tokens = wanted.tokens();
    out.append(",\"usage\":{\"prompt_tokens\":").append(tokens);
    out.append(",\"total_tokens\":").append(tokens).append("}}");
    return HttpResponse.create()
        .withEntity(
            HttpEntities.create(
                ContentTypes.APPLICATION_JSON, ByteString.fromString(out.toString())));
  }

  /** The shortest numbers that are read back as the same ones. */
  private static void write(float[] vector, StringBuilder out) {
    for (int i = 0; i < vector.length; i++) {
      out.append(i == 0 ? '[' : ',').append(vector[i]);
    }
    out.append(']');
  }

  private static String base64(float[] vector) {
    ByteBuffer bytes =
        ByteBuffer.allocate(vector.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(vector);
    return Base64.getEncoder().encodeToString(bytes.array());
  }
}
