package dev.cairn.devcluster;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;

/** Ports of the loopback interface. */
final class Ports {
  private Ports() {}

  /**
   * Ports in a row, or any free ones.
   *
   * @param base the first; 0: any that are free
   * @param option that chooses them, for the message
   * @throws IllegalArgumentException where one is taken
   */
  static List<Integer> from(int base, int count, String option) {
    List<ServerSocket> open = new ArrayList<>();
    List<Integer> ports = new ArrayList<>();
    try {
      for (int i = 0; i < count; i++) {
        int port = base == 0 ? 0 : base + i;
        try {
          ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress());
          open.add(socket);
          ports.add(socket.getLocalPort());
        } catch (IOException e) {
          throw new IllegalArgumentException(
              "Port "
                  + port
                  + " is taken; choose others with "
                  + option
                  + " N, or any free ones with "
                  + option
                  + " 0.",
              e);
        }
      }
      return ports;
    } finally {
      open.forEach(Ports::close);
    }
  }

  private static void close(ServerSocket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      throw new IllegalStateException("a socket that only listened cannot be closed", e);
    }
  }
}
