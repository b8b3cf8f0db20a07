//! An object in S3 that is neither a URI nor a bucket and key.
use stepwell_constructs::*;

fn main() {
    let model = BedrockModelRef::foundation("amazon.titan-text-express-v1");
    BedrockInvokeModel::json_path("Ask", &model).input(BedrockS3Object::new());
}
