package dev.cairn.server.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/** Where the lines of a chat come from. */
interface ChatInput extends AutoCloseable {
  /** The next line; empty at the end of the input. */
  Optional<String> read() throws IOException;

  /** Says what Ctrl-C does from now on, while no line is read. */
  void onInterrupt(Runnable action);

  @Override
  void close() throws IOException;

  /** Lines of a file or a pipe: nothing is prompted for. */
  static ChatInput of(InputStream input) {
    BufferedReader lines = new BufferedReader(new InputStreamReader(input, StandardCharsets.UTF_8));
    return new ChatInput() {
      @Override
      public Optional<String> read() throws IOException {
        return Optional.ofNullable(lines.readLine());
      }

      @Override
      public void onInterrupt(Runnable action) {
        // Who feeds a pipe ends the process.
      }

      @Override
      public void close() {
        // Standard input is not ours to close.
      }
    };
  }

  /** Lines that somebody types, with the keys to edit them and to find earlier ones. */
  static ChatInput ofTerminal() throws IOException {
    Terminal terminal = TerminalBuilder.builder().system(true).nativeSignals(true).build();
    AtomicReference<Runnable> interrupt = new AtomicReference<>(() -> {});
    terminal.handle(Terminal.Signal.INT, signal -> interrupt.get().run());
    LineReader reader = LineReaderBuilder.builder().terminal(terminal).appName("cairn").build();
    // A question may hold an exclamation mark.
    reader.setOpt(LineReader.Option.DISABLE_EVENT_EXPANSION);
    return new ChatInput() {
      @Override
      public Optional<String> read() {
        while (true) {
          try {
            return Optional.of(reader.readLine("> "));
          } catch (UserInterruptException e) {
            // Ctrl-C takes back a line that was begun; at an empty one it ends the chat.
            if (e.getPartialLine().isEmpty()) {
              return Optional.empty();
            }
          } catch (EndOfFileException e) {
            return Optional.empty();
          }
        }
      }

      @Override
      public void onInterrupt(Runnable action) {
        interrupt.set(action);
      }

      @Override
      public void close() throws IOException {
        terminal.close();
      }
    };
  }
}
