package dev.cairn.server.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.time.LocalTime;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jline.terminal.Size;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jline.utils.NonBlockingReader;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code cairn admin top}. */
@Command(
    name = "top",
    description = {
      "Shows requests, devices, journals and tenants, and keeps showing them.",
      "On a terminal q quits and space shows the newest; elsewhere it prints them once."
    })
final class AdminTopCommand implements Callable<Integer> {
  private static final String ENTER = "\u001b[?1049h\u001b[?25l";
  private static final String LEAVE = "\u001b[?25h\u001b[?1049l";
  private static final String HOME = "\u001b[H";
  private static final String CLEAR_LINE = "\u001b[K";
  private static final String CLEAR_REST = "\u001b[J";
  private static final int PLAIN_WIDTH = 160;
  private static final int PLAIN_HEIGHT = 100;

  /** How long a key or a change of the terminal's size may go unseen. */
  private static final long LOOK_MILLIS = 100;

  @Spec private CommandSpec spec;
  @Mixin private AdminClient admin;

  @Option(
      names = "--interval",
      paramLabel = "SECONDS",
      defaultValue = "2",
      description = "Time between two readings, 0.2 to 3600 (default: ${DEFAULT-VALUE}).")
  private double interval;

  @Option(names = "--once", description = "Prints one reading and ends, also on a terminal.")
  private boolean once;

  private final AtomicBoolean quit = new AtomicBoolean();
  private final AtomicBoolean resized = new AtomicBoolean();

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (!(interval >= 0.2 && interval <= 3600)) {
      throw new IllegalArgumentException(
          "--interval is " + interval + "; expected 0.2 to 3600 seconds.");
    }
    if (once || admin.json() || System.console() == null) {
      return printOnce();
    }
    try (Terminal terminal =
        TerminalBuilder.builder().name("cairn").system(true).dumb(true).build()) {
      if (terminal.getType().startsWith(Terminal.TYPE_DUMB)) {
        return printOnce();
      }
      show(terminal);
    }
    return 0;
  }

  private int printOnce() throws IOException, InterruptedException {
    PrintWriter out = spec.commandLine().getOut();
    TopReading reading = TopReading.of(admin, System.nanoTime());
    if (admin.json()) {
      out.println(reading.json());
    } else {
      new TopScreen(PLAIN_WIDTH, PLAIN_HEIGHT, false)
          .lines("cairn at " + admin.url(), reading, Optional.empty())
          .forEach(out::println);
    }
    out.flush();
    AdminText.unanswered(spec.commandLine().getErr(), reading.nodes());
    return 0;
  }

  /** Until somebody quits; whatever ends it, the terminal is left as it was. */
  private void show(Terminal terminal) throws IOException, InterruptedException {
    org.jline.terminal.Attributes before = terminal.enterRawMode();
    Thread restore = new Thread(() -> leave(terminal, before), "cairn-top-restore");
    Runtime.getRuntime().addShutdownHook(restore);
    terminal.handle(Terminal.Signal.INT, signal -> quit.set(true));
    terminal.handle(Terminal.Signal.WINCH, signal -> resized.set(true));
    try {
      write(terminal, ENTER);
      follow(terminal);
    } finally {
      leave(terminal, before);
      Runtime.getRuntime().removeShutdownHook(restore);
    }
  }

  private void leave(Terminal terminal, org.jline.terminal.Attributes before) {
    write(terminal, LEAVE);
    terminal.setAttributes(before);
  }

  private void follow(Terminal terminal) throws IOException, InterruptedException {
    Optional<TopReading> last = Optional.empty();
    Optional<TopReading> now = Optional.empty();
    while (!quit.get()) {
      String failure = "";
      try {
        TopReading next = TopReading.of(admin, System.nanoTime());
        last = now;
        now = Optional.of(next);
      } catch (IOException e) {
        // A server that is started again answers again.
        failure = String.valueOf(e.getMessage()).replaceAll("\\p{Cntrl}", " ");
      }
      draw(terminal, now, last, failure);
      long deadline = System.nanoTime() + (long) (interval * TimeUnit.SECONDS.toNanos(1));
      boolean again = false;
      while (!quit.get() && !again && System.nanoTime() < deadline) {
        again = key(terminal.reader());
        if (resized.getAndSet(false)) {
          draw(terminal, now, last, failure);
        }
      }
    }
  }

  /** Waits for a key; returns whether it asks for the newest. */
  private boolean key(NonBlockingReader reader) throws IOException {
    int key = reader.read(LOOK_MILLIS);
    if (key == 'q' || key == 'Q' || key == 3 || key == 4 || key == NonBlockingReader.EOF) {
      quit.set(true);
    }
    return key == ' ';
  }

  /** One write for the whole screen, over what was there: nothing flickers. */
  private void draw(
      Terminal terminal, Optional<TopReading> now, Optional<TopReading> last, String failure) {
    Size size = terminal.getSize();
    int width = size.getColumns() > 0 ? size.getColumns() : 80;
    int height = size.getRows() > 0 ? size.getRows() : 24;
    String noColour = System.getenv("NO_COLOR");
    TopScreen screen = new TopScreen(width, height, noColour == null || noColour.isEmpty());
    String title =
        "cairn at "
            + admin.url()
            + "  "
            + LocalTime.now().truncatedTo(ChronoUnit.SECONDS)
            + "  q quits"
            + (failure.isEmpty() ? "" : "  " + failure);
    List<String> lines =
        now.map(reading -> screen.lines(title, reading, last)).orElse(List.of(title));
    StringBuilder frame = new StringBuilder(HOME);
    for (int i = 0; i < lines.size(); i++) {
      frame.append(lines.get(i)).append(CLEAR_LINE).append(i + 1 < lines.size() ? "\r\n" : "");
    }
    write(terminal, frame.append(CLEAR_REST).toString());
  }

  private static void write(Terminal terminal, String text) {
    terminal.writer().write(text);
    terminal.writer().flush();
  }
}
