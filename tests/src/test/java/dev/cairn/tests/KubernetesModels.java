package dev.cairn.tests;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.introspect.Annotated;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.type.LogicalType;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import java.io.IOException;
import java.util.List;

/**
 * Reads documents as the objects of Kubernetes' API that they say they are. A property that the API
 * does not have, and a value of another type than the API's, are refused. The classes are generated
 * from the API's schema; which properties are required and which words a string may be is not in
 * them.
 */
final class KubernetesModels {
  private static final List<Class<? extends HasMetadata>> KINDS =
      List.of(
          ConfigMap.class,
          PodDisruptionBudget.class,
          Secret.class,
          Service.class,
          StatefulSet.class);

  private static final ObjectMapper STRICT = strict();

  private KubernetesModels() {}

  private static ObjectMapper strict() {
    return JsonMapper.builder()
        .annotationIntrospector(new NothingBesideTheSchema())
        .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
        .enable(DeserializationFeature.FAIL_ON_IGNORED_PROPERTIES)
        .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
        .withCoercionConfig(
            LogicalType.Textual,
            text ->
                text.setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
                    .setCoercion(CoercionInputShape.Float, CoercionAction.Fail)
                    .setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail))
        .build();
  }

  /** The classes keep properties that they do not know in a map; here they have no such map. */
  private static final class NothingBesideTheSchema extends JacksonAnnotationIntrospector {
    @Override
    public Boolean hasAnySetter(Annotated member) {
      return false;
    }

    @Override
    public Object findDeserializer(Annotated type) {
      return type.getRawType() == Quantity.class ? Amount.class : super.findDeserializer(type);
    }
  }

  /** A quantity's own reader takes any text; this one wants a number and a unit. */
  private static final class Amount extends JsonDeserializer<Quantity> {
    @Override
    public Quantity deserialize(JsonParser parser, DeserializationContext context)
        throws IOException {
      Quantity quantity = new Quantity.Deserializer().deserialize(parser, context);
      try {
        quantity.getNumericalAmount();
        return quantity;
      } catch (IllegalArgumentException e) {
        throw context.weirdStringException(quantity.toString(), Quantity.class, e.getMessage());
      }
    }
  }

  /**
   * @throws JsonProcessingException if the document does not fit the class; the message names the
   *     property
   * @throws IllegalArgumentException if it is of none of the kinds used here
   */
  static HasMetadata read(JsonNode document) throws JsonProcessingException {
    String version = document.path("apiVersion").asText();
    String kind = document.path("kind").asText();
    for (Class<? extends HasMetadata> each : KINDS) {
      if (HasMetadata.getApiVersion(each).equals(version)
          && HasMetadata.getKind(each).equals(kind)) {
        return STRICT.treeToValue(document, each);
      }
    }
    throw new IllegalArgumentException(
        "found '" + kind + "' of '" + version + "', expected one of " + KINDS);
  }
}
