package dev.cairn.persistence;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.cbor.CBORFactory;
import dev.cairn.model.Sampling;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A {@link RequestSpec} as a CBOR map (RFC 8949) from field name to value. The mapping is written
 * out field by field: no class name is ever read from the bytes. A field that this program does not
 * know is ignored; one that the event's schema version has and that is missing or of another type
 * is refused.
 */
final class AcceptedCbor {
  /** First schema version whose requests have a timeout. */
  private static final int TIMEOUTS = 2;

  /** First schema version whose requests have constraints and scheduling. */
  private static final int PLACES = 3;

  private static final ObjectMapper CBOR = new ObjectMapper(new CBORFactory());

  private AcceptedCbor() {}

  static byte[] encode(RequestSpec spec) {
    ObjectNode map = CBOR.createObjectNode();
    map.put("id", spec.id());
    map.put("model", spec.model());
    map.put("modelFingerprint", spec.modelFingerprint());
    map.put("submittedAtMillis", spec.submittedAtMillis());
    map.put("promptTokens", packed(spec.promptTokens()));
    map.put("maxTokens", spec.maxTokens());
    Sampling sampling = spec.sampling();
    ObjectNode draws = map.putObject("sampling");
    draws
        .put("temperature", sampling.temperature())
        .put("topK", sampling.topK())
        .put("topP", sampling.topP())
        .put("minP", sampling.minP())
        .put("repetitionPenalty", sampling.repetitionPenalty())
        .put("presencePenalty", sampling.presencePenalty())
        .put("frequencyPenalty", sampling.frequencyPenalty());
    if (!sampling.logitBias().isEmpty()) {
      ObjectNode bias = draws.putObject("logitBias");
      new TreeMap<>(sampling.logitBias()).forEach((token, b) -> bias.put(token.toString(), b));
    }
    if (sampling.isConstrained()) {
      draws.put("grammar", sampling.grammar());
    }
    map.put("seed", spec.seed());
    spec.stop().forEach(map.putArray("stop")::add);
    map.put("ignoreEos", spec.ignoreEos());
    map.put("logprobs", spec.logprobs());
    map.put("echo", spec.echo());
    map.put("promptLogprobs", spec.promptLogprobs());
    map.put("cancelOnDisconnect", spec.cancelOnDisconnect());
    map.put("timeoutMillis", spec.timeoutMillis());
    Constraints constraints = spec.constraints();
    map.putObject("constraints")
        .put("backend", constraints.backend())
        .put("weightType", constraints.weightType())
        .put("architecture", constraints.architecture())
        .put("minKvTokens", constraints.minKvTokens());
    Scheduling scheduling = spec.scheduling();
    ObjectNode place = map.putObject("scheduling");
    place
        .put("band", RequestEventCodec.code(scheduling.band()))
        .put("tenant", scheduling.tenant())
        .put("parent", scheduling.parent())
        .put("keepWhenParentCancelled", scheduling.keepWhenParentCancelled())
        .put("session", scheduling.session())
        .put("group", scheduling.group())
        .put("groupSize", scheduling.groupSize())
        .put("noProgressMillis", scheduling.noProgressMillis());
    if (scheduling.weight() > 0) {
      place.put("weight", scheduling.weight());
    }
    if (scheduling.depth() > 0 || scheduling.rootSubmittedAtMillis() > 0) {
      // Most requests are roots, and say nothing of a tree.
      place
          .put("depth", scheduling.depth())
          .put("rootSubmittedAtMillis", scheduling.rootSubmittedAtMillis());
    }
    if (scheduling.lookUp() != LookUp.AS_CONFIGURED) {
      place.put("lookUp", scheduling.lookUp() == LookUp.ON);
    }
    Answer answer = spec.answer();
    if (!answer.equals(Answer.COMPLETION)) {
      map.putObject("answer")
          .put("form", RequestEventCodec.code(answer.form()))
          .put("context", answer.context());
    }
    try {
      return CBOR.writeValueAsBytes(map);
    } catch (IOException e) {
      throw new IllegalArgumentException("Request " + spec.id() + " has no CBOR form.", e);
    }
  }

  /**
   * @param version schema version of the event that holds the request
   */
  static RequestSpec decode(byte[] bytes, int version) throws EventFormatException {
    JsonNode map;
    try {
      map = CBOR.readTree(bytes);
    } catch (IOException e) {
      throw new EventFormatException("The request is not CBOR: " + e.getMessage(), e);
    }
    if (map == null || !map.isObject()) {
      throw new EventFormatException("The request is not a CBOR map.");
    }
    try {
      return spec(map, version);
    } catch (IllegalArgumentException e) {
      throw new EventFormatException("The request cannot be: " + e.getMessage(), e);
    }
  }

  private static RequestSpec spec(JsonNode map, int version) throws EventFormatException {
    JsonNode sampling = field(map, "sampling", JsonNode::isObject, "a map");
    return new RequestSpec(
        text(map, "id"),
        text(map, "model"),
        text(map, "modelFingerprint"),
        longNumber(map, "submittedAtMillis"),
        tokens(field(map, "promptTokens", JsonNode::isBinary, "a byte string")),
        number(map, "maxTokens"),
        new Sampling(
            real(sampling, "temperature"),
            number(sampling, "topK"),
            real(sampling, "topP"),
            real(sampling, "minP"),
            real(sampling, "repetitionPenalty"),
            real(sampling, "presencePenalty"),
            real(sampling, "frequencyPenalty"),
            sampling.has("logitBias") ? logitBias(sampling) : Map.of(),
            sampling.has("grammar") ? text(sampling, "grammar") : ""),
        longNumber(map, "seed"),
        texts(field(map, "stop", JsonNode::isArray, "an array")),
        flag(map, "ignoreEos"),
        number(map, "logprobs"),
        flag(map, "echo"),
        flag(map, "promptLogprobs"),
        flag(map, "cancelOnDisconnect"),
        version < TIMEOUTS ? 0 : longNumber(map, "timeoutMillis"),
        version < PLACES ? Constraints.NONE : constraints(map),
        version < PLACES ? Scheduling.DEFAULT : scheduling(map),
        map.has("answer") ? answer(map) : Answer.COMPLETION);
  }

  private static Map<Integer, Float> logitBias(JsonNode sampling) throws EventFormatException {
    JsonNode node = field(sampling, "logitBias", JsonNode::isObject, "a map");
    Map<Integer, Float> bias = new HashMap<>();
    for (Map.Entry<String, JsonNode> each : node.properties()) {
      bias.put(Integer.valueOf(each.getKey()), real(node, each.getKey()));
    }
    return bias;
  }

  private static Answer answer(JsonNode map) throws EventFormatException {
    JsonNode node = field(map, "answer", JsonNode::isObject, "a map");
    return new Answer(RequestEventCodec.form(number(node, "form")), text(node, "context"));
  }

  private static Constraints constraints(JsonNode map) throws EventFormatException {
    JsonNode node = field(map, "constraints", JsonNode::isObject, "a map");
    return new Constraints(
        text(node, "backend"),
        text(node, "weightType"),
        text(node, "architecture"),
        longNumber(node, "minKvTokens"));
  }

  private static Scheduling scheduling(JsonNode map) throws EventFormatException {
    JsonNode node = field(map, "scheduling", JsonNode::isObject, "a map");
    return new Scheduling(
        RequestEventCodec.band(number(node, "band")),
        text(node, "tenant"),
        text(node, "parent"),
        node.has("depth") ? number(node, "depth") : 0,
        node.has("rootSubmittedAtMillis") ? longNumber(node, "rootSubmittedAtMillis") : 0,
        flag(node, "keepWhenParentCancelled"),
        text(node, "session"),
        text(node, "group"),
        number(node, "groupSize"),
        longNumber(node, "noProgressMillis"),
        node.has("lookUp") ? lookUp(flag(node, "lookUp")) : LookUp.AS_CONFIGURED,
        node.has("weight")
            ? field(node, "weight", JsonNode::isNumber, "a number").doubleValue()
            : 0);
  }

  private static LookUp lookUp(boolean wanted) {
    return wanted ? LookUp.ON : LookUp.OFF;
  }

  private static byte[] packed(int[] tokens) {
    BytesOut out = new BytesOut(tokens.length * 3);
    for (int token : tokens) {
      out.putVarint32(token);
    }
    return out.toBytes();
  }

  private static int[] tokens(JsonNode node) throws EventFormatException {
    byte[] packed;
    try {
      packed = node.binaryValue();
    } catch (IOException e) {
      throw new EventFormatException("The prompt tokens cannot be read: " + e.getMessage(), e);
    }
    int count = 0;
    for (byte each : packed) {
      count += each >= 0 ? 1 : 0;
    }
    int[] tokens = new int[count];
    BytesIn in = new BytesIn(packed);
    for (int i = 0; i < count; i++) {
      tokens[i] = in.readVarint32();
    }
    in.expectEnd();
    return tokens;
  }

  private interface Form {
    boolean fits(JsonNode node);
  }

  private static JsonNode field(JsonNode map, String name, Form form, String expected)
      throws EventFormatException {
    JsonNode node = map.get(name);
    if (node == null) {
      throw new EventFormatException(
          "The request has no field \"" + name + "\", expected " + expected + ".");
    }
    if (!form.fits(node)) {
      throw new EventFormatException(
          "The request's field \""
              + name
              + "\" is of type "
              + node.getNodeType()
              + ", expected "
              + expected
              + ".");
    }
    return node;
  }

  private static String text(JsonNode map, String name) throws EventFormatException {
    return field(map, name, JsonNode::isTextual, "a text").textValue();
  }

  private static int number(JsonNode map, String name) throws EventFormatException {
    return field(map, name, n -> n.isIntegralNumber() && n.canConvertToInt(), "a number of 32 bits")
        .intValue();
  }

  private static long longNumber(JsonNode map, String name) throws EventFormatException {
    return field(map, name, JsonNode::canConvertToLong, "a whole number").longValue();
  }

  private static float real(JsonNode map, String name) throws EventFormatException {
    return field(map, name, JsonNode::isNumber, "a number").floatValue();
  }

  private static boolean flag(JsonNode map, String name) throws EventFormatException {
    return field(map, name, JsonNode::isBoolean, "true or false").booleanValue();
  }

  private static List<String> texts(JsonNode array) throws EventFormatException {
    List<String> texts = new ArrayList<>(array.size());
    for (JsonNode each : array) {
      if (!each.isTextual()) {
        throw new EventFormatException(
            "A stop string is of type " + each.getNodeType() + ", expected a text.");
      }
      texts.add(each.textValue());
    }
    return texts;
  }
}
