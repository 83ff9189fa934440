package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.persistence.journal.JournalReader;
import dev.cairn.persistence.journal.JournalReader.Verification;
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

/** {@code cairn journal verify}. */
@Command(
    name = "verify",
    description = {
      "Reads everything: checksums, forms, the order of each request's events, the index.",
      "A write that a crash cut short is a warning; damage ends with exit code 4.",
    })
final class JournalVerifyCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private JournalOptions options;

  @Option(
      names = "--limit",
      paramLabel = "N",
      defaultValue = "50",
      description = "Most damaged records to name (default: ${DEFAULT-VALUE}).")
  private int limit;

  @Option(names = "--json", description = "Prints one object.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    if (limit < 1) {
      throw new IllegalArgumentException("--limit is " + limit + "; expected at least 1.");
    }
    PrintWriter out = spec.commandLine().getOut();
    return options.read(
        spec,
        this::verify,
        damage -> print(out, new Verification(0, 0, List.of(damage), List.of())));
  }

  private int verify(JournalReader journal, PrintWriter out) throws IOException {
    Verification found = journal.verify(limit);
    print(out, found);
    return found.problems().isEmpty() ? 0 : Main.JOURNAL_DAMAGED;
  }

  private void print(PrintWriter out, Verification found) {
    boolean sound = found.problems().isEmpty();
    if (json) {
      ObjectNode object = Json.object();
      object.put("sound", sound);
      object.put("ids", found.persistenceIds());
      object.put("events", found.events());
      found.warnings().forEach(object.putArray("warnings")::add);
      found.problems().forEach(object.putArray("damage")::add);
      out.println(Json.write(object));
      return;
    }
    found.warnings().forEach(warning -> out.println("warning: " + warning));
    found.problems().forEach(problem -> out.println("damage: " + problem));
    out.printf(
        "%d events of %d ids read: %s%n",
        found.events(), found.persistenceIds(), sound ? "sound." : "damaged.");
  }
}
