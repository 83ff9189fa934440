package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.model.ModelFile;
import dev.cairn.model.Tokenizer;
import dev.cairn.server.http.Json;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code cairn tokenize}. */
@Command(name = "tokenize", description = "Shows the tokens of a text, one a line.")
final class TokenizeCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private NodeOptions options;

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "TEXT",
      description = "Read from standard input where it is missing.")
  private String text;

  @Option(names = "--add-special", description = "Adds the model's beginning and end tokens.")
  private boolean addSpecial;

  @Option(
      names = "--no-parse-special",
      negatable = false,
      description = "Reads the spelling of control tokens as plain text.")
  private boolean plain;

  @Option(names = "--json", description = "Prints one object: {\"tokens\":[…]}.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    if (text == null) {
      text = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
    }
    options.config(Map.of());
    Tokenizer tokenizer;
    try (TemporaryDirectory directory = new TemporaryDirectory("cairn-tokenize")) {
      ModelFile model = options.readModel(directory.path());
      tokenizer = model.tokenizer();
    }
    int[] tokens = tokenizer.encode(text, addSpecial, !plain);
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      ObjectNode object = Json.object();
      ArrayNode array = object.putArray("tokens");
      for (int token : tokens) {
        array.add(token);
      }
      out.println(Json.write(object));
    } else {
      for (int token : tokens) {
        out.println(token + "\t" + tokenizer.piece(token));
      }
    }
    out.flush();
    return 0;
  }
}
