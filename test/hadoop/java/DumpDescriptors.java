import org.apache.hadoop.thirdparty.protobuf.Descriptors.Descriptor;
import org.apache.hadoop.thirdparty.protobuf.Descriptors.EnumDescriptor;
import org.apache.hadoop.thirdparty.protobuf.Descriptors.EnumValueDescriptor;
import org.apache.hadoop.thirdparty.protobuf.Descriptors.FieldDescriptor;
import org.apache.hadoop.thirdparty.protobuf.Descriptors.FileDescriptor;

/** Prints every message and enum of generated protobuf files, one line a field: message, number, name, label, type, default. */
public class DumpDescriptors {
  public static void main(String[] classNames) throws Exception {
    for (String name : classNames) {
      FileDescriptor file = (FileDescriptor) Class.forName(name).getMethod("getDescriptor").invoke(null);
      for (Descriptor message : file.getMessageTypes()) print(message);
      for (EnumDescriptor one : file.getEnumTypes()) print(one);
    }
  }

  static void print(Descriptor message) {
    for (FieldDescriptor field : message.getFields()) {
      String label = field.isRequired() ? "required" : field.isRepeated() ? "repeated" : "optional";
      String type = switch (field.getJavaType()) {
        case MESSAGE -> field.getMessageType().getFullName();
        case ENUM -> field.getEnumType().getFullName();
        default -> field.getType().name().toLowerCase();
      };
      System.out.println(String.join("\t", "field", message.getFullName(), "" + field.getNumber(), field.getName(), label, type,
          field.hasDefaultValue() ? String.valueOf(field.getDefaultValue()) : ""));
    }
    System.out.println("message\t" + message.getFullName());
    for (Descriptor nested : message.getNestedTypes()) print(nested);
    for (EnumDescriptor one : message.getEnumTypes()) print(one);
  }

  static void print(EnumDescriptor one) {
    for (EnumValueDescriptor value : one.getValues())
      System.out.println(String.join("\t", "constant", one.getFullName(), "" + value.getNumber(), value.getName()));
  }
}
