package dev.cairn.server.cli;

import dev.cairn.device.Devices;
import dev.cairn.model.ModelFile;
import dev.cairn.server.LocalNode;
import dev.cairn.server.isolation.DeviceJob;
import dev.cairn.server.metrics.CairnMetrics;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code cairn device-process}: runs the device of the process that started it, which says on
 * standard input what to run. The end of standard input is the end of that process, and of this
 * one.
 */
@Command(
    name = "device-process",
    hidden = true,
    description = "Runs the device of cairn serve --isolate-device, which starts it.")
final class DeviceProcessCommand implements Callable<Integer> {
  private static final Logger LOG = LoggerFactory.getLogger(DeviceProcessCommand.class);

  @Option(names = "--check", description = "Opens the device and closes it again.")
  private boolean check;

  @Override
  public Integer call() throws IOException, InterruptedException {
    BufferedReader input =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    String line = input.readLine();
    DeviceJob job = DeviceJob.parse(line == null ? "" : line);
    ParentProcess.endWith(input);
    Logging.configure(job.config());
    ModelFile model = ModelFile.read(job.model(), Devices.supportedTypes());
    if (check) {
      LocalNode.tryDevice(job.config(), model);
      return 0;
    }
    LocalNode node = LocalNode.start(job.config(), model, new CairnMetrics());
    AtomicBoolean stopping = new AtomicBoolean();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(node, stopping), "cairn-stop"));
    node.whenTerminated()
        .thenRun(
            () -> {
              if (!stopping.get()) {
                Runtime.getRuntime().halt(Main.PUT_OUT);
              }
            });
    new CountDownLatch(1).await();
    return 0;
  }

  private static void stop(LocalNode node, AtomicBoolean stopping) {
    stopping.set(true);
    int code = 0;
    try {
      node.close();
    } catch (RuntimeException e) {
      LOG.error("the device did not stop in order", e);
      code = Main.FAILED;
    }
    Runtime.getRuntime().halt(code);
  }
}
