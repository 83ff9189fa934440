package dev.cairn.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.model.ModelSpec;
import dev.cairn.model.Tokenizer;
import dev.cairn.server.NodeHandle;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/** Routes about the model and its tokenizer. */
final class ModelRoutes {
  private final ModelSpec model;
  private final ModelNames names;
  private final Tokenizer tokenizer;
  private final int maxContext;

  ModelRoutes(NodeHandle node) {
    this.model = node.model();
    this.names = new ModelNames(model);
    this.tokenizer = node.tokenizer();
    this.maxContext = node.maxContext();
  }

  CompletionStage<HttpResponse> list(Router.Call call) {
    ObjectNode out = Json.object();
    out.put("object", "list");
    out.putArray("data").add(describe());
    return reply(out);
  }

  CompletionStage<HttpResponse> get(Router.Call call) {
    String name = call.variables().get(0);
    if (!names.has(name)) {
      throw ApiError.notFound("There is no such model here; expected \"" + model.name() + "\".");
    }
    return reply(describe());
  }

  /** {@code {"content","add_special","parse_special"}} to {@code {"tokens"}}. */
  CompletionStage<HttpResponse> tokenize(Router.Call call, ObjectNode body) {
    Fields fields = new Fields(body);
    String content =
        fields
            .string("content")
            .orElseThrow(
                () -> ApiError.invalid("content", "content is missing; expected a string."));
    ObjectNode out = Json.object();
    ArrayNode tokens = out.putArray("tokens");
    for (int token :
        tokenizer.encode(
            content, fields.bool("add_special", false), fields.bool("parse_special", true))) {
      tokens.add(token);
    }
    return reply(out);
  }

  /** {@code {"tokens"}} to {@code {"content"}}. */
  CompletionStage<HttpResponse> detokenize(Router.Call call, ObjectNode body) {
    Fields fields = new Fields(body);
    JsonNode array =
        fields
            .get("tokens")
            .orElseThrow(
                () -> ApiError.invalid("tokens", "tokens is missing; expected an array of ids."));
    if (!array.isArray()) {
      throw fields.wrong("tokens", array, "an array of token ids");
    }
    ObjectNode out = Json.object();
    out.put(
        "content", Completion.text(tokenizer, CompletionParser.tokens("tokens", array, tokenizer)));
    return reply(out);
  }

  private ObjectNode describe() {
    ObjectNode out = Json.object();
    out.put("id", model.name());
    out.put("object", "model");
    out.put("created", model.modifiedMillis() / 1000);
    out.put("owned_by", "cairn");
    ObjectNode meta = out.putObject("meta");
    meta.put("architecture", model.architecture());
    meta.put("context_length", maxContext);
    meta.put("vocabulary_size", model.vocabularySize());
    meta.put("fingerprint", model.fingerprint());
    return out;
  }

  private static CompletionStage<HttpResponse> reply(ObjectNode body) {
    return CompletableFuture.completedFuture(Replies.json(200, body));
  }
}
