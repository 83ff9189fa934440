package dev.cairn.server.cli;

import dev.cairn.model.Tokenizer;
import dev.cairn.server.bench.BenchVocabulary;
import dev.cairn.server.bench.GrammarBench;
import dev.cairn.server.http.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code cairn bench grammar}. */
@Command(
    name = "grammar",
    description = "Measures what it costs a row to be held to a grammar or a JSON schema.")
final class BenchGrammarCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(
      names = "--vocabulary",
      paramLabel = "N",
      defaultValue = "50257",
      description = "Tokens, drawn at random (default: ${DEFAULT-VALUE}).")
  private int vocabulary;

  @Option(
      names = "--tiktoken",
      paramLabel = "FILE",
      description = "Tokens of a file in tiktoken's format instead.")
  private Path tiktoken;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "Of the draws (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Override
  public Integer call() throws IOException {
    if (vocabulary < 257) {
      throw new IllegalArgumentException(
          "--vocabulary is "
              + vocabulary
              + "; expected at least 257, one for each byte and an end.");
    }
    Tokenizer tokens =
        tiktoken == null
            ? BenchVocabulary.synthetic(vocabulary, seed)
            : BenchVocabulary.read(tiktoken);
    GrammarBench bench = new GrammarBench(tokens, seed);
    for (Map.Entry<String, String> each : GrammarBench.grammars().entrySet()) {
      spec.commandLine().getOut().println(Json.write(bench.run(each.getKey(), each.getValue())));
      spec.commandLine().getOut().flush();
    }
    return 0;
  }
}
