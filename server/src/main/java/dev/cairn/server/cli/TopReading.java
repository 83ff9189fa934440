package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.server.http.Json;
import java.io.IOException;

/**
 * What {@code cairn admin top} shows, as the admin port gave it at one moment.
 *
 * @param nanos when, by a monotonic clock
 * @param nodes members of the cluster and their devices
 * @param tenants what tenants have going
 * @param journals the gateways' journals
 */
record TopReading(long nanos, JsonNode nodes, JsonNode tenants, JsonNode journals) {
  /** The same as one JSON object. */
  String json() {
    ObjectNode out = Json.object();
    out.set("nodes", nodes);
    out.set("tenants", tenants);
    out.set("journals", journals);
    return Json.write(out);
  }

  static TopReading of(AdminClient admin, long nanos) throws IOException, InterruptedException {
    return new TopReading(
        nanos, admin.get("/admin/nodes"), admin.get("/admin/tenants"), admin.get("/admin/journal"));
  }
}
