package dev.cairn.server.cli;

import dev.cairn.persistence.journal.JournalReader;
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
import picocli.CommandLine.Spec;

/** {@code cairn journal export}. */
@Command(
    name = "export",
    description = "Prints every event as a line of JSON (its form: persistence/README.md).")
final class JournalExportCommand implements Callable<Integer> {
  private static final int PAGE = 256;

  @Spec private CommandSpec spec;
  @Mixin private JournalOptions options;

  @Option(
      names = "--tokens",
      description = "Exports what was asked and answered too: tokens, stop strings, payloads.")
  private boolean tokens;

  @Override
  public Integer call() throws IOException {
    return options.read(spec, this::export);
  }

  private int export(JournalReader journal, PrintWriter out) throws IOException {
    journal.warnings().forEach(warning -> spec.commandLine().getErr().println("cairn: " + warning));
    List<String> ids = journal.persistenceIds("", PAGE);
    while (!ids.isEmpty()) {
      for (String id : ids) {
        export(journal, id, out);
      }
      ids = journal.persistenceIds(ids.get(ids.size() - 1), PAGE);
    }
    return 0;
  }

  private void export(JournalReader journal, String id, PrintWriter out) throws IOException {
    List<StoredEvent> page = journal.events(id, 1, PAGE);
    while (!page.isEmpty()) {
      for (StoredEvent event : page) {
        out.println(Json.write(JournalEvents.json(event, tokens)));
      }
      if (out.checkError()) {
        throw new IOException("Standard output cannot be written to.");
      }
      page = journal.events(id, page.get(page.size() - 1).sequenceNr() + 1, PAGE);
    }
  }
}
