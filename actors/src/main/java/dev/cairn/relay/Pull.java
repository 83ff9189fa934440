package dev.cairn.relay;

import dev.cairn.request.Want;
import java.util.List;

/**
 * A reader's node asks an owner's node for its next batch.
 *
 * @param incarnation names one life of the reader's node; rounds count within it
 * @param round number of this pull; an older one that comes late is ignored
 * @param wants requests to follow from here on, or to go on with from exactly here
 * @param drops requests that are no longer followed
 */
public record Pull(long incarnation, long round, List<Want> wants, List<String> drops) {
  public Pull {
    wants = List.copyOf(wants);
    drops = List.copyOf(drops);
  }
}
