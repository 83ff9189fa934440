package dev.cairn.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;

/** The help of every command, and what shells complete. */
class HelpTest {
  private static final Pattern EXAMPLE =
      Pattern.compile("^ .*?(cairn [^|<>)\\n]+)", Pattern.MULTILINE);
  private static final Pattern WORD = Pattern.compile("\"([^\"]*)\"|(\\S+)");

  @TempDir private Path directory;

  private static void collect(CommandLine command, List<CommandLine> into) {
    if (!command.getCommandSpec().usageMessage().hidden()) {
      into.add(command);
      command.getSubcommands().values().forEach(each -> collect(each, into));
    }
  }

  private static List<CommandLine> commands() {
    List<CommandLine> commands = new ArrayList<>();
    collect(Main.commandLine(), commands);
    return commands;
  }

  private static String[] words(String line) {
    return WORD.matcher(line)
        .results()
        .map(word -> word.group(1) == null ? word.group(2) : word.group(1))
        .toArray(String[]::new);
  }

  @Test
  @DisplayName("the help of each command has examples, and each is one that the command takes")
  void examples() {
    for (CommandLine command : commands()) {
      String name = command.getCommandSpec().qualifiedName();
      String help = command.getUsageMessage(Ansi.OFF);
      int heading = help.indexOf("\nExamples:\n");
      assertThat(heading).as("examples of " + name).isPositive();
      List<String> examples =
          EXAMPLE.matcher(help.substring(heading)).results().map(HelpTest::command).toList();
      assertThat(examples).as(name).isNotEmpty();
      for (String example : examples) {
        String[] words = words(example);
        CommandLine.ParseResult parsed =
            Main.commandLine().parseArgs(Arrays.copyOfRange(words, 1, words.length));
        List<CommandLine> chosen = parsed.asCommandLineList();
        assertThat(chosen.get(chosen.size() - 1).getSubcommands())
            .as("commands that '" + example + "' leaves open")
            .isEmpty();
        assertThat(example).startsWith(name);
      }
    }
  }

  private static String command(MatchResult example) {
    return example.group(1).strip();
  }

  @Test
  @DisplayName("help is without colours where nobody looks at a terminal, and no line is too wide")
  void plain() {
    for (CommandLine command : commands()) {
      StringWriter text = new StringWriter();
      command.usage(new PrintWriter(text));
      assertThat(text.toString()).doesNotContain("\u001b");
      assertThat(text.toString().lines()).allMatch(line -> line.length() <= 100);
    }
  }

  private Path completion() throws IOException {
    StringWriter out = new StringWriter();
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    assertThat(line.execute("completion", "bash")).isZero();
    return Files.writeString(directory.resolve("cairn.bash"), out.toString());
  }

  /** What bash offers when TAB is pressed behind a line. */
  private List<String> complete(Path script, String line) throws Exception {
    List<String> typed = List.of(line.split(" ", -1));
    String array = String.join(" ", typed.stream().map(word -> "'" + word + "'").toList());
    String run =
        "compopt() { :; }; source '"
            + script
            + "'; COMP_WORDS=("
            + array
            + "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _complete_cairn; printf '%s\\n'"
            + " \"${COMPREPLY[@]}\"";
    Path said = directory.resolve("said");
    Process bash =
        new ProcessBuilder("bash", "--norc", "-c", run)
            .redirectErrorStream(true)
            .redirectOutput(said.toFile())
            .start();
    try {
      assertThat(bash.waitFor(60, TimeUnit.SECONDS)).as("bash ends").isTrue();
    } finally {
      bash.destroyForcibly();
    }
    return Files.readString(said, StandardCharsets.UTF_8).lines().map(String::strip).toList();
  }

  @Test
  @DisplayName("bash completes commands, options and their values, and nothing that is hidden")
  void completes() throws Exception {
    Path script = completion();
    assertThat(complete(script, "cairn "))
        .contains("serve", "generate", "admin", "completion")
        .doesNotContain("warm-up", "device-process");
    assertThat(complete(script, "cairn admin pa")).contains("pause", "pause-tenant");
    assertThat(complete(script, "cairn serve --pro")).contains("--profile");
    assertThat(complete(script, "cairn serve --profile ")).containsExactly("single", "cluster");
    assertThat(complete(script, "cairn serve --kv-type Q")).containsExactly("Q8_0");
    assertThat(complete(script, "cairn completion ")).contains("bash", "zsh");
    assertThat(complete(script, "cairn serve --end")).doesNotContain("--end-with-input");
  }

  @Test
  @DisplayName("a shell that is not known is refused with those that are")
  void otherShells() {
    StringWriter err = new StringWriter();
    CommandLine line = Main.commandLine();
    line.setErr(new PrintWriter(err, true));
    assertThat(line.execute("completion", "tcsh")).isEqualTo(Main.USAGE);
    assertThat(err.toString()).contains("tcsh", "bash", "zsh");
  }
}
