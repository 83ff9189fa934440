package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.typesafe.config.Config;
import dev.cairn.actors.RequestView;
import dev.cairn.model.ModelFile;
import dev.cairn.model.TextStream;
import dev.cairn.persistence.RequestIds;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.Snapshot;
import dev.cairn.server.LocalNode;
import dev.cairn.server.NodeHandle;
import dev.cairn.server.http.CompletionParser;
import dev.cairn.server.http.HttpSettings;
import dev.cairn.server.http.Json;
import dev.cairn.server.metrics.CairnMetrics;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code cairn generate}. */
@Command(
    name = "generate",
    description = "Continues a text, or holds a chat, and streams what is generated.")
final class GenerateCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private NodeOptions options;

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "PROMPT",
      description = "Text to continue; read from standard input where it is missing.")
  private String prompt;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      defaultValue = "200",
      description = "Most tokens to generate (default: ${DEFAULT-VALUE}).")
  private int maxTokens;

  @Option(names = "--temperature", paramLabel = "X", description = "0 is greedy.")
  private Double temperature;

  @Option(names = "--top-p", paramLabel = "X", description = "Above 0, up to 1.")
  private Double topP;

  @Option(names = "--top-k", paramLabel = "N", description = "0 is off.")
  private Integer topK;

  @Option(names = "--min-p", paramLabel = "X", description = "0 is off.")
  private Double minP;

  @Option(names = "--repetition-penalty", paramLabel = "X", description = "1 is off.")
  private Double repetitionPenalty;

  @Option(names = "--seed", paramLabel = "N", description = "Repeats the same output.")
  private Long seed;

  @Option(names = "--stop", paramLabel = "TEXT", description = "Ends the output; may be repeated.")
  private List<String> stop;

  @Option(names = "--ignore-eos", description = "Goes on after the end of the text.")
  private boolean ignoreEos;

  @Option(
      names = "--json",
      description = "Prints one object: {\"id\",\"text\",\"tokens\",\"finish_reason\"}.")
  private boolean json;

  @Option(
      names = "--chat",
      description =
          "Answers line by line, each with all that was said before; reads lines from a terminal or"
              + " a pipe.")
  private boolean chat;

  @Option(
      names = "--system",
      paramLabel = "TEXT",
      description = "Instructions that stand before a chat (with --chat).")
  private String system;

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (chat && (prompt != null || json)) {
      throw new ParameterException(
          spec.commandLine(),
          "--chat reads lines to answer; expected it without PROMPT and --json");
    }
    if (!chat && system != null) {
      throw new ParameterException(
          spec.commandLine(), "--system stands before a chat; expected --chat with it");
    }
    if (prompt == null && !chat) {
      prompt = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
    }
    if (options.hasDataDirectory()) {
      return generate(Path.of(options.config(Map.of()).getString("cairn.journal.directory")));
    }
    try (TemporaryDirectory directory = new TemporaryDirectory("cairn-generate")) {
      return generate(directory.path());
    }
  }

  private int generate(Path directory) throws IOException, InterruptedException {
    Config config = options.config(Map.of("cairn.journal.directory", directory.toString()));
    ModelFile model = options.readModel(directory);
    try (CairnMetrics metrics = new CairnMetrics();
        LoadBar bar = new LoadBar(model.spec().name());
        NodeHandle node = LocalNode.start(config, model, metrics, bar)) {
      if (chat) {
        return chat(node, HttpSettings.from(config));
      }
      CompletionParser parser =
          new CompletionParser(
              node,
              HttpSettings.from(config),
              new RequestIds(System::currentTimeMillis, new SecureRandom()),
              System::currentTimeMillis);
      ObjectNode body = body("max_tokens");
      body.put("prompt", prompt);
      RequestSpec request = parser.parse(body, Optional.empty()).requests().get(0);
      RequestView view = node.requests().submit(request).toCompletableFuture().join();
      return print(view, new TextStream(node.tokenizer(), request.stop()));
    }
  }

  private int chat(NodeHandle node, HttpSettings settings)
      throws IOException, InterruptedException {
    try (ChatInput input =
        System.console() == null ? ChatInput.of(System.in) : ChatInput.ofTerminal()) {
      new Chat(
              node,
              settings,
              () -> body("max_completion_tokens"),
              Optional.ofNullable(system),
              spec.commandLine().getOut(),
              spec.commandLine().getErr())
          .run(input);
    }
    return 0;
  }

  /**
   * The options as the body of a completion or a chat, so that all are read and checked in one way.
   *
   * @param length name of the field that bounds the output
   */
  private ObjectNode body(String length) {
    ObjectNode body = Json.object();
    body.put(length, maxTokens);
    body.put("temperature", temperature);
    body.put("top_p", topP);
    body.put("top_k", topK);
    body.put("min_p", minP);
    body.put("repetition_penalty", repetitionPenalty);
    body.put("seed", seed);
    body.put("ignore_eos", ignoreEos);
    if (stop != null) {
      stop.forEach(body.putArray("stop")::add);
    }
    return body;
  }

  private int print(RequestView view, TextStream text) throws InterruptedException {
    PrintWriter out = spec.commandLine().getOut();
    StringBuilder whole = new StringBuilder();
    Snapshot end =
        ShownText.follow(
            view,
            text,
            delta -> {
              whole.append(delta);
              if (!json) {
                out.print(delta);
                out.flush();
              }
            });
    Snapshot.Finish finish = end.finish().orElseThrow();
    if (json) {
      ObjectNode object = Json.object();
      object.put("id", view.spec().id());
      object.put("text", whole.toString());
      for (int token : end.tokens().toArray()) {
        object.withArray("tokens").add(token);
      }
      object.put("finish_reason", finish.reason().name().toLowerCase(Locale.ROOT));
      out.println(Json.write(object));
    } else {
      out.println();
    }
    out.flush();
    return 0;
  }
}
