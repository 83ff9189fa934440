package dev.cairn.server.schema;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SchemaValidatorsConfig;
import com.networknt.schema.SpecVersion;
import dev.cairn.model.Tokenizer;
import dev.cairn.model.grammar.Cursor;
import dev.cairn.model.grammar.Languages;
import dev.cairn.model.grammar.TokenLanguage;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SchemaGrammarTest {
  private static final TokenLanguage.Limits LIMITS =
      new TokenLanguage.Limits(500_000, 100_000, 16 << 20);
  private static final JsonSchemaFactory FACTORY =
      JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012);
  private static final SchemaValidatorsConfig FORMATS =
      SchemaValidatorsConfig.builder().formatAssertionsEnabled(true).build();

  @Test
  @DisplayName("outputs drawn at random parse and satisfy their random schemas, long and short")
  void outputsSatisfySchemas() {
    long seed = Long.getLong("seed", System.nanoTime());
    Random random = new Random(seed);
    Tokenizer words = new JsonWords(random, 500);
    Languages languages = new Languages(words, LIMITS, 4);
    RandomSchemas schemas = new RandomSchemas(random);
    for (int i = 0; i < Integer.getInteger("schemas", 150); i++) {
      JsonNode schema = schemas.next();
      TokenLanguage language = languages.of(SchemaGrammar.of(schema));
      JsonSchema validator = FACTORY.getSchema(schema, FORMATS);
      for (int n = 0; n < 10; n++) {
        int most = Math.max(language.leastBytes() + 1, 20 + random.nextInt(200));
        String output = output(language, words, random, most);
        assertThat(validator.validate(RandomSchemas.read(output)))
            .as("seed %d\nschema %s\noutput %s", seed, schema, output)
            .isEmpty();
      }
    }
  }

  /** An output of tokens that are drawn one as likely as the other. */
  static String output(TokenLanguage language, Tokenizer words, Random random, int most) {
    Cursor cursor = language.begin();
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    for (int left = most; left > 0 && !cursor.isAtEnd(); left--) {
      BitSet allowed = BitSet.valueOf(cursor.allowed(left));
      int nth = random.nextInt(allowed.cardinality());
      int token = allowed.nextSetBit(0);
      for (; nth > 0; nth--) {
        token = allowed.nextSetBit(token + 1);
      }
      assertThat(cursor.advance(token)).isTrue();
      if (words.endsGeneration(token)) {
        break;
      }
      text.writeBytes(words.bytes(token));
    }
    assertThat(cursor.isComplete()).as(text.toString(StandardCharsets.UTF_8)).isTrue();
    return text.toString(StandardCharsets.UTF_8);
  }

  private static boolean takes(String schema, String text) {
    Tokenizer words = new JsonWords(new Random(1), 0);
    Cursor cursor =
        new Languages(words, LIMITS, 1).of(SchemaGrammar.of(RandomSchemas.read(schema))).begin();
    for (int token : words.encode(text, false, false)) {
      if (!cursor.advance(token)) {
        return false;
      }
    }
    return cursor.isComplete();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"type\":\"integer\",\"minimum\":-3,\"maximum\":120} | -3 | -4",
        "{\"type\":\"integer\",\"minimum\":-3,\"maximum\":120} | 120 | 121",
        "{\"type\":\"integer\",\"exclusiveMinimum\":9} | 10 | 9",
        "{\"type\":\"integer\",\"minimum\":1.5,\"maximum\":3.5} | 3 | 4",
        "{\"type\":\"number\",\"exclusiveMinimum\":0,\"maximum\":1} | 0.001 | 0",
        "{\"type\":\"number\",\"minimum\":-1,\"exclusiveMaximum\":0} | -0.5 | 0",
        "{\"type\":\"number\",\"maximum\":-5} | -5.0 | -4.9",
        "{\"type\":[\"string\",\"null\"],\"maxLength\":2} | null | \"abc\"",
        "{\"type\":[\"string\",\"null\"],\"maxLength\":2} | \"é😀\" | 1",
        "{\"properties\":{\"a\":{\"type\":\"null\"}},\"additionalProperties\":{\"type\":\"null\"}}"
            + " | {\"b\": null} | {\"b\":1}",
        "{\"type\":\"object\",\"properties\":{\"ab\":{\"type\":\"null\"}},"
            + "\"additionalProperties\":true} | {\"a\":1,\"abc\":2} | {\"ab\":1}",
        "{\"type\":\"array\",\"prefixItems\":[{\"type\":\"null\"}],\"items\":{\"type\":\"boolean\"},"
            + "\"maxItems\":2} | [null, true] | [null,true,true]",
        "{\"type\":\"array\",\"items\":{\"type\":\"null\"},\"minItems\":2} | [null,null] | [null]",
        "{\"type\":\"array\",\"items\":{\"type\":\"null\"}} | [] | [,]",
        "{\"oneOf\":[{\"type\":\"null\"},{\"type\":\"boolean\"}]} | true | 1",
        "{\"allOf\":[{\"type\":\"null\"}]} | null | 1",
        "{\"type\":\"string\",\"pattern\":\"^\\\\d{2}-[A-Z]?$\"} | \"12-X\" | \"123-\"",
        "{\"type\":\"string\",\"format\":\"date\"} | \"2024-02-28\" | \"2024-02-30\"",
        "{\"type\":\"string\",\"format\":\"email\"} | \"a.b@c-d.org\" | \"a@b\"",
        "{\"const\":{\"a\":[1]}} | {\"a\":[1]} | {\"a\":[2]}",
        "{} | [{\"x\":1e5}] | [}",
      })
  @DisplayName("a schema's texts are taken, others are not")
  void takesWhatTheSchemaTakes(String schema, String good, String bad) {
    assertThat(takes(schema, good)).as(good).isTrue();
    assertThat(takes(schema, bad)).as(bad).isFalse();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"properties\":{\"x/y\":{\"not\":{}}}} | /properties/x~1y | \"not\"",
        "{\"type\":\"object\",\"patternProperties\":{}} | root | \"patternProperties\"",
        "{\"type\":\"array\",\"uniqueItems\":true} | root | \"uniqueItems\"",
        "{\"type\":\"array\",\"items\":{\"type\":\"array\",\"contains\":{}}} | /items | \"contains\"",
        "{\"type\":\"string\",\"minimum\":1} | root | \"minimum\"",
        "{\"type\":\"strin\"} | root | expected object, array",
        "{\"type\":\"integer\",\"multipleOf\":3} | root | \"multipleOf\"",
        "{\"type\":\"number\",\"minimum\":0.5} | root | minimum with a fraction",
        "{\"type\":\"number\",\"minimum\":5,\"maximum\":1} | root | no number",
        "{\"type\":\"string\",\"pattern\":\"(?=a)b\"} | root | \"pattern\" with \"(?\"",
        "{\"type\":\"string\",\"pattern\":\"a\",\"maxLength\":3} | root | together with a length",
        "{\"type\":\"string\",\"format\":\"iri\"} | root | \"format\" with \"iri\"",
        "{\"type\":\"string\",\"minLength\":5,\"maxLength\":2} | root | maxLength below its minLength",
        "{\"type\":\"string\",\"maxLength\":5000} | root | from 0 to 2000",
        "{\"oneOf\":[{\"type\":\"number\"},{\"type\":\"integer\"}]} | root | \"oneOf\"",
        "{\"allOf\":[{},{}]} | root | \"allOf\"",
        "{\"anyOf\":[{\"type\":\"null\"}],\"type\":\"null\"} | root | \"type\" beside \"anyOf\"",
        "{\"$ref\":\"http://else/where\"} | root | \"$ref\"",
        "{\"$ref\":\"#/$defs/missing\"} | root | which is not there",
        "{\"type\":\"object\",\"required\":[\"a\"],\"properties\":{},\"additionalProperties\":false}"
            + " | root | \"required\"",
        "{\"enum\":[]} | root | \"enum\"",
        "{\"enum\":[1],\"type\":\"string\"} | root | no value of its own type",
        "{\"items\":{\"properties\":{\"a\":5}}} | /items/properties/a | is 5",
      })
  @DisplayName("what is not known is refused by its keyword and its path, and never ignored")
  void refusesWhatItDoesNotKnow(String schema, String path, String keyword) {
    assertThatThrownBy(() -> SchemaGrammar.of(RandomSchemas.read(schema)))
        .isInstanceOf(SchemaException.class)
        .hasMessageContaining(path)
        .hasMessageContaining(keyword);
  }

  @Test
  @DisplayName("schemas are bounded in depth and number")
  void schemasAreBounded() {
    String nested = "{\"type\":\"array\",\"items\":".repeat(70) + "{}" + "}".repeat(70);
    assertThatThrownBy(() -> SchemaGrammar.of(RandomSchemas.read(nested)))
        .hasMessageContaining("nested deeper than 64");
    StringBuilder many = new StringBuilder("{\"properties\":{\"x\":{}");
    for (int i = 0; i < 2_100; i++) {
      many.append(",\"p").append(i).append("\":{}");
    }
    assertThatThrownBy(() -> SchemaGrammar.of(RandomSchemas.read(many + "}}")))
        .hasMessageContaining("more than 2000 schemas");
  }
}
