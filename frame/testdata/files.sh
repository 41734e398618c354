#!/bin/sh
# Writes files/: what only picture files hold, made by libjpeg's programs (libjpeg-turbo-progs) of what is beside it.
#   NAME.progressive.jpg   has the coefficients of jpeg/NAME.jpg, in scans; so it has the same samples
#   SAMPLING.jpg, .ppm     cjpeg's picture with odd sampling factors, and what djpeg makes of it, without smoothing
set -eu
cd "$(dirname "$0")"
mkdir -p files
for name in 411 420 422 440 444-best 444-poor grey; do
	jpegtran -progressive -outfile files/$name.progressive.jpg jpeg/$name.jpg
done
# Scans that encoders rarely write: many small ones, interleaved and with restart markers.
cat >files/scans.txt <<SCANS
0 1 2: 0-0, 0, 2;
0: 1-1, 0, 3;
0: 2-63, 0, 2;
1: 1-63, 0, 1;
2: 1-20, 0, 0;
0 1: 0-0, 2, 1;
2: 0-0, 2, 1;
2: 21-63, 0, 0;
0: 1-1, 3, 2;
0: 1-63, 2, 1;
0: 1-63, 1, 0;
1: 1-63, 1, 0;
0 1 2: 0-0, 1, 0;
SCANS
jpegtran -scans files/scans.txt -restart 3B -outfile files/420.scans.jpg jpeg/420.jpg
rm files/scans.txt
djpeg -ppm jpeg/444-best.jpg >files/picture.ppm
for sampling in 1x4 3x1 2x2,1x1,1x2 4x1 1x2 2x2,2x1,1x2 1x1,2x2,1x1; do
	cjpeg -quality 90 -sample $sampling -outfile files/$sampling.jpg files/picture.ppm
	djpeg -nosmooth -ppm -outfile files/$sampling.ppm files/$sampling.jpg
done
rm files/picture.ppm
