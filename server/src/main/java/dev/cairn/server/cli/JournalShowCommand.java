package dev.cairn.server.cli;

import dev.cairn.persistence.journal.JournalReader;
import dev.cairn.persistence.journal.RequestSummary;
import dev.cairn.persistence.journal.StoredEvent;
import dev.cairn.server.http.Json;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code cairn journal show}. */
@Command(name = "show", description = "Shows every event of a request, in words.")
final class JournalShowCommand implements Callable<Integer> {
  private static final int PAGE = 256;

  @Spec private CommandSpec spec;
  @Mixin private JournalOptions options;

  @Parameters(index = "0", paramLabel = "ID", description = "The request.")
  private String id;

  @Option(
      names = "--tokens",
      description = "Shows what was asked and answered too: tokens, stop strings.")
  private boolean tokens;

  @Option(names = "--json", description = "Prints one object a line, as export does.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    return options.read(spec, this::show);
  }

  private int show(JournalReader journal, PrintWriter out) throws IOException {
    List<StoredEvent> page = journal.events(id, 1, PAGE);
    if (page.isEmpty()) {
      throw new IOException("The journal holds no request " + id + ".");
    }
    if (!json) {
      RequestSummary request =
          journal
              .summary(id)
              .orElseThrow(() -> new IOException("What " + id + " names is no request."));
      out.printf(
          "%s: %s, %d of at most %d tokens, %d events%n",
          id, request.state(), request.tokens(), request.spec().maxTokens(), request.events());
      out.printf("%6s  %-24s  %5s  %5s  %s%n", "SEQ", "TIME", "EPOCH", "INDEX", "EVENT");
    }
    while (!page.isEmpty()) {
      for (StoredEvent event : page) {
        out.println(
            json
                ? Json.write(JournalEvents.json(event, tokens))
                : JournalEvents.line(event, tokens));
      }
      page = journal.events(id, page.get(page.size() - 1).sequenceNr() + 1, PAGE);
    }
    return 0;
  }
}
